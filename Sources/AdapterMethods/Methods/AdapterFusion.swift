public import Checkpoints
public import Deberta
internal import Kernels
public import Tensors

/// AdapterFusion: per-token attention over the outputs of several bottlenecks.
///
///     q = Q h    kₙ = K uₙ    vₙ = V uₙ    p = softmax(qᵀ kₙ)    result = Σₙ pₙ vₙ + residual
///
/// uₙ are the children's scaled up-projections; h and the residual are those of the last child. There is one fusion
/// layer at every place where the children act.
///
/// Source: Pfeiffer et al., "AdapterFusion: Non-Destructive Task Composition for Transfer Learning" (2021); adapters,
/// `methods/modeling.py`, `BertFusion`; `methods/bottleneck.py`, `compose_fuse`. `adapters` divides the scores by a
/// temperature that decreases with every call and is not saved; here it has its final value, 1.
public struct AdapterFusion: Sendable {
  public let settings: FusionSettings
  /// The adapters that it fuses, in order.
  public let adapters: [String]
  public let parameters: AdapterParameters
  let places: [FusionPlace]

  init(settings: FusionSettings, adapters: [String], places: [FusionPlace], parameters: AdapterParameters) {
    self.settings = settings
    self.adapters = adapters
    self.places = places
    self.parameters = parameters
  }

  /// A newly initialized fusion, at the places where any of the adapters has a bottleneck.
  ///
  /// - Parameters:
  ///   - settings: its projections.
  ///   - adapters: in the order of fusion.
  ///   - encoder: the encoder that they adapt.
  ///   - seed: makes the random values reproducible.
  public init(
    _ settings: FusionSettings, of adapters: [(name: String, adapter: Adapter)], for encoder: Encoder, seed: UInt64
  ) {
    let occupied = Set(
      adapters.flatMap { $0.adapter.parameters.specs }.filter { $0.container == "adapters" }.map(\.place))
    let places = FusionPlace.all(settings, encoder.configuration).filter {
      occupied.contains($0.site.path(layer: $0.layer))
    }
    var random = RandomNumbers(seed: seed)
    self.init(
      settings: settings, adapters: adapters.map(\.name), places: places,
      parameters: AdapterParameters(places.flatMap(\.specs), for: encoder, random: &random))
  }

  /// The same fusion with a separate copy of its tensors, for training.
  public var copied: AdapterFusion {
    AdapterFusion(settings: settings, adapters: adapters, places: places, parameters: parameters.copied)
  }

  /// Regularizes the values toward the identity in training: 0.01 Σ ‖I - V‖² over all places; nil without values, or if
  /// the settings turn it off.
  ///
  /// The trainer of `adapters` ignores that setting.
  ///
  /// Source: adapters, `model_mixin.py`, `get_fusion_regularization_loss`; `trainer.py`, `AdapterTrainerCallback`.
  public func regularization(on pass: Pass) -> Tensor? {
    let values = places.compactMap(\.value)
    guard settings.isRegularized, let size = values.first?.shape[0] else { return nil }
    let identity = (0..<size * size).map { Float($0 / size == $0 % size ? 1 : 0) }
    let count = Float(size * size)
    return pass.weightedSum(
      values.map { spec in
        (pass.meanSquaredError(parameters[spec].reshaped(rows: size * size, columns: 1), identity), 0.01 * count)
      })
  }

  /// The default name of a fusion of these adapters.
  public static func name(of adapters: [String]) -> String { adapters.joined(separator: ",") }
}

/// The projections of a fusion, and where its residual is added.
///
/// Source: adapters, `configuration/adapter_fusion_config.py`.
public struct FusionSettings: Sendable {
  let hasQuery, hasKey, hasValue: Bool
  let readsQueryBeforeNorm: Bool
  /// Whether the residual is included in the attention instead of added afterwards.
  let addsResidualBefore: Bool
  let projectsValuesFirst: Bool
  /// Whether training regularizes the values toward the identity.
  let isRegularized: Bool
  let startsAsIdentity: Bool
  /// Dropout of the scores, in training; nil or 0: that of the model's attention.
  let dropout: Float?
  /// Every key, as `adapters` stores it.
  public let settings: [String: JSONValue]

  /// The default of `adapters`: query, key and value.
  public static var dynamic: FusionSettings { preset([:]) }

  /// A preset of `adapters`: `dynamic` or `static`.
  ///
  /// - Throws: `ConfigurationError` for another name.
  public init(preset name: String) throws(ConfigurationError) {
    switch name {
    case "dynamic": self = .dynamic
    case "static": self = .static
    default:
      throw .impossible(
        key: "fusion", value: "'\(name)'", expected: "'dynamic' or 'static'", file: "the fusion's configuration")
    }
  }

  /// Query and key only: the values are the adapters' outputs.
  public static var `static`: FusionSettings {
    preset(["value": .bool(false), "value_initialized": .bool(false), "regularization": .bool(false)])
  }

  private static func preset(_ changes: [String: JSONValue]) -> FusionSettings {
    do { return try FusionSettings(ConfigurationFields(.object(changes), file: "a preset")) } catch {
      preconditionFailure("a preset of fusions is one: \(error)")
    }
  }

  /// The keys of a fusion's settings.
  public static let fields: [MethodField] = [
    MethodField("key", .bool(true)), MethodField("query", .bool(true)), MethodField("value", .bool(true)),
    MethodField("query_before_ln", .bool(false)), MethodField("residual_before", .bool(false)),
    MethodField("value_before_softmax", .bool(true)), MethodField("value_initialized", .bool(true)),
    MethodField("dropout_prob", .null), MethodField("regularization", .bool(true)),
    MethodField(
      "temperature", .bool(false),
      .refused("false: with a temperature the reference's answers change from call to call, until it has fallen to 1")),
  ]

  /// - Throws: `ConfigurationError`.
  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    // `adapters` also accepts the range of the values' initialization here.
    let isIdentity = given.members["value_initialized"].map { $0 != .bool(false) && $0 != .null }
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    hasQuery = try fields.flag("query")
    hasKey = try fields.flag("key")
    hasValue = try fields.flag("value")
    readsQueryBeforeNorm = try fields.flag("query_before_ln")
    addsResidualBefore = try fields.flag("residual_before")
    projectsValuesFirst = try fields.flag("value_before_softmax")
    isRegularized = try fields.flag("regularization")
    startsAsIdentity = isIdentity ?? true
    dropout = try fields.members["dropout_prob"] == .null ? nil : fields.probability("dropout_prob")
  }
}

/// A place of a fusion, and its parameters.
struct FusionPlace: Sendable {
  let layer: Int
  let site: BottleneckSite
  let query, key: (weight: ParameterSpec, bias: ParameterSpec)?
  let value: ParameterSpec?
  /// Dropout of the scores, in training.
  let dropout: Float
  /// Stored without effect if there are no projections.
  private let dense: [ParameterSpec]

  /// Every place of an encoder that can have bottlenecks.
  static func all(_ settings: FusionSettings, _ shape: DebertaV2Configuration) -> [FusionPlace] {
    (0..<shape.layerCount).flatMap { layer in
      BottleneckSite.allCases.map { FusionPlace(settings, layer, $0, shape) }
    }
  }

  var specs: [ParameterSpec] {
    [query?.weight, query?.bias, key?.weight, key?.bias, value].compactMap { $0 } + dense
  }

  init(_ settings: FusionSettings, _ layer: Int, _ site: BottleneckSite, _ shape: DebertaV2Configuration) {
    let hidden = shape.hiddenSize
    dropout = settings.dropout.flatMap { $0 > 0 ? $0 : nil } ?? shape.attentionDropout
    self.layer = layer
    self.site = site
    let path = site.path(layer: layer)
    func spec(_ member: String, _ shape: [Int], _ start: Initializer) -> ParameterSpec {
      ParameterSpec(path, "adapter_fusion_layer", member, shape, start)
    }
    func linear(_ name: String) -> (weight: ParameterSpec, bias: ParameterSpec) {
      (
        spec("\(name).weight", [hidden, hidden], .normal(deviation: 0.02)),
        spec("\(name).bias", [hidden], .constant(0))
      )
    }
    query = settings.hasQuery ? linear("query") : nil
    key = settings.hasKey ? linear("key") : nil
    let start: Initializer = settings.startsAsIdentity ? .diagonal(1, beside: 1e-6) : .normal(deviation: 0.02)
    value = settings.hasValue ? spec("value.weight", [hidden, hidden], start) : nil
    dense =
      settings.hasQuery || settings.hasKey || settings.hasValue
      ? []
      : [
        spec("dense.weight", [1, hidden], .linear(inputs: hidden)), spec("dense.bias", [1], .linear(inputs: hidden)),
      ]
  }
}

/// A fusion's layers, bound for passes.
public struct BoundFusion: Sendable {
  /// One layer per place.
  let layers: [(layer: Int, site: BottleneckSite, fusion: FusionLayer)]

  public init(_ fusion: AdapterFusion, named name: String, on pass: Pass) {
    layers = fusion.places.map { place in
      (place.layer, place.site, FusionLayer(fusion, place, named: name, on: pass))
    }
  }

  func layer(_ layer: Int, _ site: BottleneckSite) -> FusionLayer? {
    layers.first { $0.layer == layer && $0.site == site }?.fusion
  }
}

/// The attention of a fusion at one place.
struct FusionLayer: Sendable {
  let settings: FusionSettings
  private let name: String
  private let place: String
  private let query, key, value: Linear?
  private let dropout: Float

  init(_ fusion: AdapterFusion, _ place: FusionPlace, named name: String, on pass: Pass) {
    func linear(_ specs: (weight: ParameterSpec, bias: ParameterSpec)) -> Linear {
      pass.layer(weight: fusion.parameters[specs.weight], bias: fusion.parameters[specs.bias])
    }
    settings = fusion.settings
    self.name = name
    self.place = place.site.rawValue
    dropout = place.dropout
    query = place.query.map(linear)
    key = place.key.map(linear)
    value = place.value.map { pass.layer(weight: fusion.parameters[$0]) }
  }

  /// Mixes `ups` for each token, without the residual. All [M, H].
  func mix(_ ups: [Tensor], query input: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let query = query.map { pass.linear(input, $0) } ?? input
    let weights = pass.tensor(rows: input.rows, columns: ups.count)
    for (index, up) in ups.enumerated() {
      pass.rowProducts(query, key.map { pass.linear(up, $0) } ?? up, into: weights.columns(index..<index + 1))
    }
    pass.dropout(weights, dropout)
    pass.softmax(weights)
    record(weights, at: site, on: pass)
    let early = settings.projectsValuesFirst ? value : nil
    let mixed = pass.tensor(rows: input.rows, columns: input.columns)
    for (index, up) in ups.enumerated() {
      let values = early.map { pass.linear(up, $0) } ?? up
      pass.add(values, timesRows: weights.columns(index..<index + 1), to: mixed, replacing: index == 0)
    }
    return settings.projectsValuesFirst ? mixed : value.map { pass.linear(mixed, $0) } ?? mixed
  }
}

extension FusionLayer {
  private func record(_ weights: Tensor, at site: Site, on pass: Pass) {
    guard let trace = pass.trace, trace.kinds.contains(.fusionAttentions) else { return }
    for (sequence, rows) in zip(site.segment.sequences, site.segment.rows) {
      trace.record(
        fusionAttention: weights.rows(rows), sequence: sequence, fusion: name, layer: site.layer, place: place)
    }
  }
}

/// A join whose inner result, without gate and residual, can be fused.
protocol FusibleJoin: JoinHook {
  func prepare(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, on pass: Pass) -> PreparedStates

  /// The scaled up-projection. `input` was prepared by the last child of the fusion.
  func inner(
    _ input: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor
}

/// The states before a bottleneck.
struct PreparedStates {
  /// The input of the bottleneck, and the same before the model's layer norm.
  let input, beforeNorm: Tensor
  /// The residual added to its result.
  let residual: Tensor
}

/// Mixes the children's results by a fusion's attention; residual and norms are those of the last child.
struct FusedJoin: JoinHook {
  let children: [any FusibleJoin]
  let last: any FusibleJoin
  let layer: FusionLayer

  var addsHiddenOnClose: Bool { last.addsHiddenOnClose }
  var isTokenwise: Bool { (children + [last]).allSatisfy(\.isTokenwise) }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    let states = last.prepare(hidden, residual: residual, norm: norm, on: pass)
    let ups = children.map {
      $0.inner(states.input, hidden: hidden, residual: residual, norm: norm, at: site, on: pass)
    }
    if layer.settings.addsResidualBefore { for up in ups { pass.add(states.residual, to: up) } }
    let query = layer.settings.readsQueryBeforeNorm ? states.beforeNorm : states.input
    let mixed = layer.mix(ups, query: query, at: site, on: pass)
    if !layer.settings.addsResidualBefore { pass.add(states.residual, to: mixed) }
    return mixed
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    last.close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass)
  }
}

/// A stack as a child of a fusion: the inner result of the last bottleneck, after running the others.
struct FusibleStack: FusibleJoin {
  let stack: StackedJoin
  let last: any FusibleJoin

  var addsHiddenOnClose: Bool { stack.addsHiddenOnClose }
  var isTokenwise: Bool { stack.isTokenwise && last.isTokenwise }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    stack.transform(hidden, residual: residual, norm: norm, at: site, on: pass)
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    stack.close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass)
  }

  func prepare(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, on pass: Pass) -> PreparedStates {
    last.prepare(hidden, residual: residual, norm: norm, on: pass)
  }

  func inner(
    _ input: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    let before = StackedJoin(children: stack.children.dropLast())
      .transform(hidden, residual: residual, norm: norm, at: site, on: pass)
    let states = last.prepare(before, residual: residual, norm: norm, on: pass)
    return last.inner(states.input, hidden: before, residual: residual, norm: norm, at: site, on: pass)
  }
}
