public import Checkpoints
public import Deberta
internal import Tensors

/// LoRA: a product of low rank added to a linear layer.
///
///     y = W x + c + (alpha / r) B A x        A [r, inputs], B [outputs, r]
///
/// With a gate g, the mean over tokens of sigmoid(gate(x)), g takes the
/// place of alpha / r, as in the reference. On query and key it also acts on
/// the relative positions where the model shares its projections (DeBERTa-v3).
///
/// In v1 queries, keys and values are one projection W [3 H, H], head by head.
/// For 'q', 'k' and 'v' the reference adapts its first, second and last third,
/// as if they were not interleaved; so does this. A [n r, H] and B [n H, r]
/// hold the factors of the n chosen thirds.
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models"
/// (2021); adapters, `methods/lora.py`, `LoRA`; peft, `tuners/lora/layer.py`.
public struct LoRA: AdapterMethod, LowRankMethod {
  /// Where it acts, as it was described.
  private let description: Description

  private enum Description {
    /// By the reference's settings: one rank and scale, in every layer but some.
    case settings(ProjectionSettings)
    /// One by one, as PEFT's files can.
    case targets([LoRATarget])
  }

  /// Reads the reference's settings.
  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    let settings = try ProjectionSettings(fields)
    let mode = try fields.word("composition_mode")
    if mode != "add" {
      throw fields.impossible("composition_mode", "'\(mode)'", "'add' or 'scale'")
    }
    description = .settings(settings)
  }

  /// LoRA of any rank and scale at any linear layers.
  public init(_ targets: [LoRATarget]) { description = .targets(targets) }

  /// The linear layers that it acts on, with rank, scale and dropout; nil for LoRA with gates, which has no scale, and
  /// for LoRA on thirds of v1's fused projection.
  public func targets(in shape: DebertaV2Configuration) -> [LoRATarget]? {
    switch description {
    case .targets(let targets): targets
    case .settings(let settings): settings.targets(shape)
    }
  }

  /// The targets of LoRA that the reference's settings cannot describe; nil for others.
  var listedTargets: [LoRATarget]? { if case .targets(let targets) = description { targets } else { nil } }

  public var notices: [String] { if case .settings(let settings) = description { settings.notices } else { [] } }

  public func leavingOut(
    _ layers: Set<Int>, of shape: DebertaV2Configuration
  ) throws(ConfigurationError) -> any AdapterMethod {
    switch description {
    case .settings(let own): LoRA(.settings(try own.leavingOut(layers)))
    case .targets(let targets): LoRA(targets.filter { !layers.contains($0.layer) })
    }
  }

  private init(_ description: Description) { self.description = description }

  public var settings: [String: JSONValue] {
    switch description {
    case .settings(let settings): settings.settings
    case .targets(let targets): PeftConfiguration(targets).members
    }
  }

  /// The same with another rank everywhere; alpha stays, and with it alpha / r changes.
  ///
  /// - Throws: `ConfigurationError` for a rank that cannot be.
  func resized(rank: Int) throws(ConfigurationError) -> LoRA {
    switch description {
    case .settings(let own):
      let members = own.settings.merging(["r": .integer(rank)]) { $1 }
      return try LoRA(ConfigurationFields(.object(members), file: "the combined adapter"))
    case .targets(let targets):
      return LoRA(
        targets.map { LoRATarget($0.place, layer: $0.layer, rank: rank, alpha: $0.alpha, dropout: $0.dropout) })
    }
  }

  func modules(_ shape: DebertaV2Configuration) -> [ProjectionModule] {
    switch description {
    case .settings(let settings): settings.modules(shape)
    case .targets(let targets): targets.map { ProjectionModule($0, shape) }
    }
  }

  func specs(_ module: ProjectionModule) -> [ParameterSpec] {
    let (a, b) = specs(of: module)
    return [a, b]
  }

  func factors(
    _ parameters: AdapterParameters, _ module: ProjectionModule, on pass: Pass
  ) -> LowRankFactors {
    let (a, b) = specs(of: module)
    return module.whole(LowRankFactors(a: parameters[a], b: parameters[b]), on: pass)
  }

  private func specs(of module: ProjectionModule) -> (a: ParameterSpec, b: ParameterSpec) {
    let start: ProjectionSettings.Initialization =
      if case .settings(let settings) = description { settings.initialization } else { .lora }
    let (aStart, bStart) = start.factors(inputs: module.inputs, rank: module.rank)
    return (
      module.spec("lora_A", [module.parts.count * module.rank, module.inputs], aStart),
      module.spec("lora_B", [module.adapted, module.rank], bStart)
    )
  }
}

/// What LoRA adds at one linear layer: (alpha / rank) B A.
public struct LoRATarget: Sendable, Hashable {
  public let place: ProjectionPlace
  public let layer: Int
  public let rank: Int
  public let alpha: Float
  /// Of its input, in training.
  public let dropout: Float

  public init(_ place: ProjectionPlace, layer: Int, rank: Int, alpha: Float, dropout: Float = 0) {
    (self.place, self.layer, self.rank, self.alpha, self.dropout) = (place, layer, rank, alpha, dropout)
  }

  /// The module's name below `deberta.`
  var path: String { place.path(layer: layer) }
}

extension ProjectionSettings.Initialization {
  /// How the factors A and B start.
  func factors(inputs: Int, rank: Int) -> (a: Initializer, b: Initializer) {
    switch self {
    case .lora: (.linear(inputs: inputs), .constant(0))
    case .bert: (.normal(deviation: 0.02), .normal(deviation: 0.02))
    case .ia3: (.constant(1), .constant(1))
    case .vera:
      (.uniform(bound: (6 / Float(inputs)).squareRoot()), .uniform(bound: (6 / Float(rank)).squareRoot()))
    }
  }
}
