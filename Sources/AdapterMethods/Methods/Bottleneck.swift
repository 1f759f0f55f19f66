public import Checkpoints
public import Deberta
public import Tensors

/// Bottleneck adapters: a small feed-forward layer after attention, after the feed-forward layer, or parallel to them.
///
///     z = the sub-block's output, or LN(output + residual)
///     o = scaling · up(act(down(z)))
///     result = LN(o + output + residual), in the order that the switches say
///
/// Presets: `seq_bn` (Pfeiffer et al. 2020), `double_seq_bn` (Houlsby et al.
/// 2019), `par_bn` (He et al. 2021), `compacter` (Mahabadi et al. 2021, with
/// projections as in `KroneckerProjection`), `seq_bn_inv` (Pfeiffer et al.
/// 2020b, with an `Invertible` after the embeddings). Source: adapters,
/// `methods/modeling.py`, `Adapter` and `ParallelAdapter`;
/// `configuration/adapter_config.py`, `BnConfig`.
public struct Bottleneck: AdapterMethod {
  public static let architecture: String? = nil

  /// How the up-projection is scaled.
  ///
  /// On disk: a number, `"learned"` or `"channel"`.
  public enum Scaling: Hashable, Sendable {
    case fixed(Float)
    /// One trained factor.
    case learned
    /// A trained factor for each feature.
    case channel
  }

  /// The adapter's residual.
  ///
  /// On disk: true, false or `"post_add"`.
  public enum Residual: Hashable, Sendable {
    /// The states before the model's layer norm.
    case beforeNorm
    /// The states after the model's layer norm.
    case afterNorm
    /// The states before the model's layer norm, plus the model's residual.
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
  /// Dropout of the scaled up-projection, in training.
  var dropout: Float
  /// The probability of dropping a text's whole up-projection, in training.
  var dropPath: Float
  var leaveOut: Set<Int>
  var initialization: Initialization
  /// The stored form of the projections; nil for plain matrices.
  var kronecker: KroneckerSettings?
  var invertible: Invertible?
  public let settings: [String: JSONValue]
  private let source: String

  enum Initialization: String, CaseIterable {
    case bert, houlsby
    case mamAdapter = "mam_adapter"
  }

  public static let fields: [MethodField] = [
    MethodField("mh_adapter", nil),
    MethodField("output_adapter", nil),
    MethodField("reduction_factor", nil),
    MethodField("non_linearity", nil),
    MethodField("original_ln_before", .bool(false)),
    MethodField("original_ln_after", .bool(true)),
    MethodField("ln_before", .bool(false)),
    MethodField("ln_after", .bool(false)),
    MethodField("init_weights", .string("bert")),
    .seed,
    MethodField("is_parallel", .bool(false)),
    MethodField("scaling", .number(1)),
    MethodField("use_gating", .bool(false)),
    MethodField("residual_before_ln", .bool(true)),
    MethodField("adapter_residual_before_ln", .bool(false)),
    MethodField("inv_adapter", .null),
    MethodField("inv_adapter_reduction_factor", .null),
    MethodField("cross_adapter", .bool(false), .none),
    MethodField("leave_out", .array([])),
    MethodField("dropout", .number(0)),
    MethodField("phm_layer", .bool(false)),
    MethodField("phm_dim", .integer(4)),
    MethodField("factorized_phm_W", .bool(true)),
    MethodField("shared_W_phm", .bool(false)),
    MethodField("shared_phm_rule", .bool(true)),
    MethodField("factorized_phm_rule", .bool(false)),
    MethodField("phm_c_init", .string("normal")),
    MethodField("phm_init_range", .number(0.0001)),
    MethodField("learn_phm", .bool(true)),
    MethodField("hypercomplex_nonlinearity", .string("glorot-uniform"), .none),
    MethodField("phm_rank", .integer(1)),
    MethodField("phm_bias", .bool(true)),
    MethodField("stochastic_depth", .number(0)),
  ]

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    source = fields.file
    afterAttention = try fields.flag("mh_adapter")
    afterFeedForward = try fields.flag("output_adapter")
    reduction = try ReductionFactor(fields)
    activation = try fields.there("non_linearity", fields.activation("non_linearity"))
    normsBefore = try fields.flag("original_ln_before")
    normsAfter = try fields.flag("original_ln_after")
    ownNormBefore = try fields.flag("ln_before")
    ownNormAfter = try fields.flag("ln_after")
    addsResidualBeforeOwnNorm = try fields.flag("adapter_residual_before_ln")
    isParallel = try fields.flag("is_parallel")
    isGated = try fields.flag("use_gating")
    dropout = try fields.probability("dropout")
    dropPath = try fields.probability("stochastic_depth")
    leaveOut = try fields.layers("leave_out")
    let residual = try fields.value("residual_before_ln", "true, false or \"post_add\"") { value -> Residual? in
      switch value {
      case .bool(let before): before ? .beforeNorm : .afterNorm
      case .string("post_add"): .postAdd
      default: nil
      }
    }
    self.residual = try fields.there("residual_before_ln", residual)
    let scaling = try fields.value("scaling", "a number, \"learned\" or \"channel\"") { value -> Scaling? in
      switch value {
      case .string("learned"): .learned
      case .string("channel"): .channel
      default: value.double.flatMap { Float($0).isFinite ? .fixed(Float($0)) : nil }
      }
    }
    self.scaling = try fields.there("scaling", scaling)
    let name = try fields.word("init_weights")
    guard let initialization = Initialization(rawValue: name) else {
      throw fields.impossible("init_weights", "'\(name)'", "'bert', 'mam_adapter' or 'houlsby'")
    }
    self.initialization = initialization
    if self.residual == .postAdd, !normsBefore, !isParallel {
      throw fields.impossible(
        "residual_before_ln", "'post_add'",
        "true or false, because there is no model layer norm before (original_ln_before)")
    }
    if isParallel, dropPath > 0 {
      throw fields.impossible("stochastic_depth", "\(dropPath)", "0, because is_parallel is true")
    }
    kronecker = try fields.flag("phm_layer") ? KroneckerSettings(fields) : nil
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
