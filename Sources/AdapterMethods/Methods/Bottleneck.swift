public import Checkpoints
public import DebertaV2
internal import Tensors

/// Bottleneck adapters: a small feed-forward layer after attention, after the feed-forward layer, or beside them.
///
///     z = the sub-block's output, or LN(output + residual)
///     o = scaling · up(act(down(z)))
///     result = LN(o + output + residual), in the order that the switches say
///
/// Presets: `seq_bn` (Pfeiffer et al. 2020), `double_seq_bn` (Houlsby et al.
/// 2019), `par_bn` (He et al. 2021). Source: adapters, `methods/modeling.py`,
/// `Adapter` and `ParallelAdapter`; `configuration/adapter_config.py`, `BnConfig`.
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
  var leaveOut: Set<Int>
  var initialization: Initialization
  public let settings: [String: JSONValue]

  enum Initialization: String, CaseIterable { case bert, mam_adapter, houlsby }

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    func impossible(_ key: String, _ value: String, _ expected: String) -> ConfigurationError {
      .impossible(key: key, value: value, expected: expected, file: fields.file)
    }
    func required(_ key: String) throws(ConfigurationError) -> Bool {
      guard let value = try fields.bool(key) else { throw .missing(key: key, file: fields.file) }
      return value
    }
    settings = fields.members.merging(Self.defaults) { own, _ in own }
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
    leaveOut = try Set(fields.integers("leave_out") ?? [])
    residual = try fields.value("residual_before_ln", "true, false or \"post_add\"") { value -> Residual? in
      switch value {
      case .bool(let before): before ? .beforeNorm : .afterNorm
      case .string("post_add"): .postAdd
      default: nil
      }
    } ?? .beforeNorm
    scaling = try fields.value("scaling", "a number, \"learned\" or \"channel\"") { value -> Scaling? in
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
        "residual_before_ln", "'post_add'", "true or false, because there is no model layer norm before (original_ln_before)")
    }
    if try fields.bool("phm_layer") ?? false {
      throw impossible("phm_layer", "true", "false: compacter layers are not among this program's methods")
    }
    if let inverse = try fields.string("inv_adapter") {
      throw impossible("inv_adapter", "'\(inverse)'", "null: invertible adapters are not among this program's methods")
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
    try places(shape).flatMap(\.specs)
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    for place in try places(encoder.configuration) {
      let join = BottleneckJoin(self, place, parameters, named: name, encoder.compute)
      switch place.site {
      case .attention: hooks.layers[place.layer].afterAttention = join
      case .output: hooks.layers[place.layer].afterFeedForward = join
      }
    }
    return hooks
  }

  private func places(_ shape: DebertaV2Configuration) throws(ConfigurationError) -> [BottleneckPlace] {
    var places: [BottleneckPlace] = []
    for layer in 0..<shape.layerCount where !leaveOut.contains(layer) {
      let size = try reduction.size(of: shape.hiddenSize, layer: layer)
      if afterAttention { places.append(BottleneckPlace(self, .attention, layer, hidden: shape.hiddenSize, size: size)) }
      if afterFeedForward { places.append(BottleneckPlace(self, .output, layer, hidden: shape.hiddenSize, size: size)) }
    }
    return places
  }
}

/// One module of a bottleneck adapter and what it stores.
private struct BottleneckPlace {
  enum Site: String {
    case attention = "mh_adapter"
    case output = "output_adapter"
  }

  let site: Site
  let layer: Int
  let down, downBias, up, upBias: ParameterSpec
  let scaling: ParameterSpec?
  let normBefore, normAfter, gate: (weight: ParameterSpec, bias: ParameterSpec)?

  init(_ method: Bottleneck, _ site: Site, _ layer: Int, hidden: Int, size: Int) {
    self.site = site
    self.layer = layer
    let place = "encoder.layer.\(layer)." + (site == .attention ? "attention.output" : "output")
    func spec(_ member: String, _ shape: [Int], _ initializer: Initializer, aliases: [String] = []) -> ParameterSpec {
      ParameterSpec(place, "adapters", member, shape, initializer, aliases: aliases)
    }
    func norm(_ name: String, alias: String? = nil) -> (weight: ParameterSpec, bias: ParameterSpec) {
      (
        spec("\(name).weight", [hidden], .constant(1), aliases: alias.map { ["\($0).weight"] } ?? []),
        spec("\(name).bias", [hidden], .constant(0), aliases: alias.map { ["\($0).bias"] } ?? [])
      )
    }
    let (downStart, upStart): (Initializer, Initializer) =
      switch method.initialization {
      case .bert: (.normal(deviation: 0.02), .normal(deviation: 0.02))
      case .mam_adapter: (.linear(inputs: hidden), .constant(0))
      case .houlsby: (.truncatedNormal(deviation: 0.01), .truncatedNormal(deviation: 0.01))
      }
    let index = method.ownNormBefore ? 1 : 0
    scaling =
      switch method.scaling {
      case .fixed: nil
      case .learned: spec("scaling", [1], .constant(1))
      case .channel: spec("scaling", [hidden], .constant(1))
      }
    normBefore = method.ownNormBefore ? norm("adapter_norm_before", alias: "adapter_down.0") : nil
    down = spec("adapter_down.\(index).weight", [size, hidden], downStart)
    downBias = spec("adapter_down.\(index).bias", [size], .constant(0))
    up = spec("adapter_up.weight", [hidden, size], upStart)
    upBias = spec("adapter_up.bias", [hidden], .constant(0))
    normAfter = method.ownNormAfter ? norm("adapter_norm_after") : nil
    gate =
      method.isGated
      ? (spec("gate.weight", [1, hidden], .normal(deviation: 0.02)), spec("gate.bias", [1], .constant(0))) : nil
  }

  var specs: [ParameterSpec] {
    [scaling, normBefore?.weight, normBefore?.bias, down, downBias, up, upBias, normAfter?.weight, normAfter?.bias,
      gate?.weight, gate?.bias,
    ].compactMap { $0 }
  }
}

/// What a bottleneck does at one place.
private struct BottleneckJoin: JoinHook {
  private let method: Bottleneck
  private let adapter: String
  private let place: String
  private let down, up: Linear
  private let channels: Tensor?
  private let factor: Float
  private let normBefore, normAfter: LayerNorm?
  private let gate: Linear?

  init(
    _ method: Bottleneck, _ place: BottleneckPlace, _ parameters: AdapterParameters, named adapter: String,
    _ compute: Compute
  ) {
    func linear(_ weight: ParameterSpec, _ bias: ParameterSpec) -> Linear {
      Linear(weight: parameters[weight], bias: parameters[bias], compute)
    }
    // PyTorch's default epsilon, not the model's.
    func norm(_ specs: (weight: ParameterSpec, bias: ParameterSpec)) -> LayerNorm {
      LayerNorm(gain: parameters[specs.weight], bias: parameters[specs.bias], eps: 1e-5)
    }
    self.method = method
    self.adapter = adapter
    self.place = place.site.rawValue
    down = linear(place.down, place.downBias)
    up = linear(place.up, place.upBias)
    switch method.scaling {
    case .fixed(let factor): (self.factor, channels) = (factor, nil)
    case .learned: (factor, channels) = (place.scaling.map { parameters[$0].pointer[0] } ?? 1, nil)
    case .channel: (factor, channels) = (1, place.scaling.map { parameters[$0] })
    }
    normBefore = place.normBefore.map(norm)
    normAfter = place.normAfter.map(norm)
    gate = place.gate.map { linear($0.weight, $0.bias) }
  }

  var addsHiddenOnClose: Bool { method.isParallel }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    if method.isParallel {
      let output = bottleneck(residual, at: site, on: pass)
      if let normAfter { pass.norm(output, normAfter, into: output) }
      return output
    }
    var own = hidden
    var input = hidden
    if method.normsBefore {
      input = pass.norm(hidden, plus: residual, norm)
      switch method.residual {
      case .beforeNorm: break
      case .afterNorm: own = input
      case .postAdd:
        own = pass.copy(hidden)
        pass.add(residual, to: own)
      }
    }
    let output = bottleneck(input, at: site, on: pass)
    if method.addsResidualBeforeOwnNorm { pass.add(own, to: output) }
    if let normAfter { pass.norm(output, normAfter, into: output) }
    if !method.addsResidualBeforeOwnNorm { pass.add(own, to: output) }
    return output
  }

  func close(_ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, on pass: Pass) -> Tensor {
    if method.isParallel { pass.add(hidden, to: adapted) }
    if method.normsAfter { pass.norm(adapted, plus: residual, norm, into: adapted) }
    return adapted
  }

  /// gate · scaling · up(act(down(x)))
  private func bottleneck(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let narrow = pass.linear(normBefore.map { pass.norm(x, $0) } ?? x, down)
    pass.activate(narrow, method.activation)
    let output = pass.linear(narrow, up)
    pass.scale(output, by: factor)
    if let channels { pass.scaleColumns(output, by: channels) }
    if let gate {
      pass.applyGate(gate, reading: x, to: output, at: site, adapter: adapter, place: place)
    }
    return output
  }
}

/// By how much a bottleneck is narrower than the model; a number, or one for each layer with a default.
struct ReductionFactor: Sendable, Hashable {
  private let factors: [String: Double]
  private let file: String

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let factors = try fields.value("reduction_factor", "a number, or an object of a number for each layer") {
      value -> [String: Double]? in
      if let number = value.double { return ["default": number] }
      guard case .object(let members) = value else { return nil }
      let numbers = members.compactMapValues(\.double)
      return numbers.count == members.count ? numbers : nil
    }
    guard let factors else { throw .missing(key: "reduction_factor", file: fields.file) }
    if let (layer, factor) = factors.first(where: { !($0.value > 0) }) {
      throw .impossible(
        key: "reduction_factor", value: "\(factor) for '\(layer)'", expected: "more than 0", file: fields.file)
    }
    self.factors = factors
    file = fields.file
  }

  /// max(1, ⌊features / factor⌋)
  func size(of features: Int, layer: Int) throws(ConfigurationError) -> Int {
    guard let factor = factors[String(layer)] ?? factors["default"] else {
      throw .missing(key: "reduction_factor.\(layer)", file: file)
    }
    let size = (Double(features) / factor).rounded(.down)
    guard size < 16_777_216 else {
      throw .impossible(key: "reduction_factor", value: "\(factor)", expected: "a bottleneck of ordinary size", file: file)
    }
    return max(1, Int(size))
  }
}

extension Pass {
  /// Multiplies each sequence's rows of y by how far its gate is open: the mean of sigmoid(gate(x)) over its tokens.
  func applyGate(
    _ gate: Linear, reading x: Tensor, to y: Tensor, at site: Site, adapter: String, place: String
  ) {
    let openings = site.segment.rows.map { rows in rows.isEmpty ? 0 : openness(x.rows(rows), gate) }
    for (rows, opening) in zip(site.segment.rows, openings) { scale(y.rows(rows), by: opening) }
    if let trace, trace.kinds.contains(.gatingScores) {
      trace.record(gate: openings, adapter: adapter, layer: site.layer, place: place)
    }
  }
}
