public import Checkpoints
public import Deberta
public import Tensors

/// Bottleneck adapters: a small feed-forward layer after attention, after the feed-forward layer, or beside them.
///
///     z = the sub-block's output, or LN(output + residual)
///     o = scaling · up(act(down(z)))
///     result = LN(o + output + residual), in the order that the switches say
///
/// Presets: `seq_bn` (Pfeiffer et al. 2020), `double_seq_bn` (Houlsby et al.
/// 2019), `par_bn` (He et al. 2021), `compacter` (Mahabadi et al. 2021, with
/// projections as in `KroneckerProjection`), `seq_bn_inv` (Pfeiffer et al.
/// 2020b, with an `Invertible` behind the embeddings). Source: adapters,
/// `methods/modeling.py`, `Adapter` and `ParallelAdapter`;
/// `configuration/adapter_config.py`, `BnConfig`.
public struct Bottleneck: AdapterMethod {
  public static let architecture: String? = nil

  /// How the up-projection is scaled. On disk: a number, `"learned"` or `"channel"`.
  public enum Scaling: Hashable, Sendable {
    case fixed(Float)
    /// One trained factor.
    case learned
    /// A trained factor for each feature.
    case channel
  }

  /// What the adapter's own residual is. On disk: true, false or `"post_add"`.
  public enum Residual: Hashable, Sendable {
    /// The states before the model's layer norm.
    case beforeNorm
    /// The states after it.
    case afterNorm
    /// The states before it with the model's residual added.
    case postAdd
  }

  var afterAttention: Bool
  var afterFeedForward: Bool
  var reduction: ReductionFactor
  var activation: Activation
  var normsBefore: Bool
  var normsAfter: Bool
  var ownNormBefore: Bool
  var ownNormAfter: Bool
  var residual: Residual
  var addsResidualBeforeOwnNorm: Bool
  var isParallel: Bool
  var scaling: Scaling
  var isGated: Bool
  /// Of the scaled up-projection, in training.
  var dropout: Float
  var leaveOut: Set<Int>
  var initialization: Initialization
  /// How the projections are stored, if not as plain matrices.
  var kronecker: KroneckerSettings?
  var invertible: Invertible?
  public let settings: [String: JSONValue]
  private let source: String

  enum Initialization: String, CaseIterable {
    case bert, houlsby
    case mamAdapter = "mam_adapter"
  }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    func impossible(_ key: String, _ value: String, _ expected: String) -> ConfigurationError {
      .impossible(key: key, value: value, expected: expected, file: fields.file)
    }
    func required(_ key: String) throws(ConfigurationError) -> Bool {
      guard let value = try fields.bool(key) else { throw .missing(key: key, file: fields.file) }
      return value
    }
    settings = fields.members.merging(Self.defaults) { own, _ in own }
    source = fields.file
    afterAttention = try required("mh_adapter")
    afterFeedForward = try required("output_adapter")
    reduction = try ReductionFactor(fields)
    guard let activation = try fields.activation("non_linearity") else {
      throw .missing(key: "non_linearity", file: fields.file)
    }
    self.activation = activation
    normsBefore = try fields.bool("original_ln_before") ?? false
    normsAfter = try fields.bool("original_ln_after") ?? true
    ownNormBefore = try fields.bool("ln_before") ?? false
    ownNormAfter = try fields.bool("ln_after") ?? false
    addsResidualBeforeOwnNorm = try fields.bool("adapter_residual_before_ln") ?? false
    isParallel = try fields.bool("is_parallel") ?? false
    isGated = try fields.bool("use_gating") ?? false
    dropout = try fields.dropout()
    leaveOut = try Set(fields.integers("leave_out") ?? [])
    residual =
      try fields.value("residual_before_ln", "true, false or \"post_add\"") { value -> Residual? in
        switch value {
        case .bool(let before): before ? .beforeNorm : .afterNorm
        case .string("post_add"): .postAdd
        default: nil
        }
      } ?? .beforeNorm
    scaling =
      try fields.value("scaling", "a number, \"learned\" or \"channel\"") { value -> Scaling? in
        switch value {
        case .string("learned"): .learned
        case .string("channel"): .channel
        default: value.double.map { .fixed(Float($0)) }
        }
      } ?? .fixed(1)
    let name = try fields.string("init_weights") ?? "bert"
    guard let initialization = Initialization(rawValue: name) else {
      throw impossible("init_weights", "'\(name)'", "'bert', 'mam_adapter' or 'houlsby'")
    }
    self.initialization = initialization
    if residual == .postAdd, !normsBefore, !isParallel {
      throw impossible(
        "residual_before_ln", "'post_add'",
        "true or false, because there is no model layer norm before (original_ln_before)")
    }
    kronecker = try fields.bool("phm_layer") ?? false ? KroneckerSettings(fields) : nil
    invertible = try Invertible(fields, activation)
  }

  public var name: String {
    switch (afterAttention, afterFeedForward, isParallel) {
    case (false, true, true): scaling == .learned ? "scaled_par_bn" : "par_bn"
    case (false, true, false): kronecker != nil ? "compacter++" : invertible != nil ? "seq_bn_inv" : "seq_bn"
    case (true, true, false): kronecker != nil ? "compacter" : invertible != nil ? "double_seq_bn_inv" : "double_seq_bn"
    default: "bottleneck"
    }
  }

  private static let defaults: [String: JSONValue] = [
    "original_ln_before": .bool(false), "original_ln_after": .bool(true), "ln_before": .bool(false),
    "ln_after": .bool(false), "init_weights": .string("bert"), "init_weights_seed": .null, "is_parallel": .bool(false),
    "scaling": .number(1), "use_gating": .bool(false), "residual_before_ln": .bool(true),
    "adapter_residual_before_ln": .bool(false), "inv_adapter": .null, "inv_adapter_reduction_factor": .null,
    "cross_adapter": .bool(false), "leave_out": .array([]), "dropout": .number(0), "phm_layer": .bool(false),
    "phm_dim": .integer(4), "factorized_phm_W": .bool(true), "shared_W_phm": .bool(false),
    "shared_phm_rule": .bool(true), "factorized_phm_rule": .bool(false), "phm_c_init": .string("normal"),
    "phm_init_range": .number(0.0001), "learn_phm": .bool(true), "hypercomplex_nonlinearity": .string("glorot-uniform"),
    "phm_rank": .integer(1), "phm_bias": .bool(true), "stochastic_depth": .number(0),
  ]

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    try invertible?.check(shape)
    var specs: [ParameterSpec] = []
    var shapes: [String: [Int]] = [:]
    // Modules may share tensors; each is stored once.
    for spec in try modules(shape).flatMap(\.specs) + (invertible?.specs(shape) ?? []) {
      if let known = shapes.updateValue(spec.shape, forKey: spec.id) {
        if known == spec.shape { continue }
        throw .impossible(
          key: "reduction_factor", value: "different for some layers",
          expected: "the same, because all share \(spec.id)",
          file: source)
      }
      specs.append(spec)
    }
    return specs
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for module in try modules(encoder.configuration) {
      let join = BottleneckJoin(self, module, parameters, named: name, on: pass)
      switch module.site {
      case .attention: hooks.layers[module.layer].afterAttention = join
      case .output: hooks.layers[module.layer].afterFeedForward = join
      }
    }
    hooks.afterEmbeddings = invertible?.coupling(parameters, encoder.configuration, on: pass)
    return hooks
  }

  private func modules(_ shape: DebertaV2Configuration) throws(ConfigurationError) -> [BottleneckModule] {
    let sites: [BottleneckSite] = (afterAttention ? [.attention] : []) + (afterFeedForward ? [.output] : [])
    var modules: [BottleneckModule] = []
    for layer in 0..<shape.layerCount where !leaveOut.contains(layer) {
      let size = try reduction.size(of: shape.hiddenSize, layer: layer)
      try kronecker?.check(hidden: shape.hiddenSize, size: size)
      modules += sites.map { BottleneckModule(self, $0, layer, hidden: shape.hiddenSize, size: size) }
    }
    return modules
  }
}
