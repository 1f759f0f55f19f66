public import Checkpoints
internal import Deberta
internal import Tensors

/// LoRA: a low-rank product added to a linear layer.
///
///     y = W x + c + (alpha / r) B A x        A [r, inputs], B [outputs, r]
///
/// A gate g, the mean over tokens of sigmoid(gate(x)), replaces alpha / r, as in `adapters`. On query and key it also
/// adapts the relative positions if the model shares its projections (DeBERTa-v3).
///
/// In v1, queries, keys and values are one projection W [3 H, H], interleaved by head. For 'q', 'k' and 'v' `adapters`
/// adapts its first, second and last third, ignoring the interleaving; so does this. A [n r, H] and B [n H, r] hold the
/// factors of the n selected thirds.
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models"
/// (2021); adapters, `methods/lora.py`, `LoRA`.
public struct LoRA: AdapterMethod, LowRankMethod {
  private let projections: ProjectionSettings

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    projections = try ProjectionSettings(fields)
    let mode = try fields.word("composition_mode")
    if mode != "add" {
      throw fields.impossible("composition_mode", "'\(mode)'", "'add' or 'scale'")
    }
  }

  public var settings: [String: JSONValue] { projections.settings }

  /// Its low-rank products, layer by layer; nil for gated LoRA, which has no fixed scale, and for thirds of v1's fused
  /// projection.
  func targets(in shape: DebertaConfiguration) -> [LoRATarget]? { projections.targets(shape) }

  public var notices: [String] { projections.notices }

  /// The same settings with another rank everywhere; alpha is unchanged, so alpha / r changes.
  ///
  /// - Throws: `ConfigurationError` for an invalid rank.
  func resized(rank: Int) throws(ConfigurationError) -> LoRA {
    let members = settings.merging(["r": .integer(rank)]) { $1 }
    return try LoRA(ConfigurationFields(.object(members), file: "the combined adapter"))
  }

  func modules(_ shape: DebertaConfiguration) -> [ProjectionModule] { projections.modules(shape) }

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
    let (aStart, bStart) = projections.initialization.factors(inputs: module.inputs, rank: module.rank)
    return (
      module.spec("lora_A", [module.parts.count * module.rank, module.inputs], aStart),
      module.spec("lora_B", [module.adapted, module.rank], bStart)
    )
  }
}

/// The low-rank product at one linear layer: (alpha / rank) B A.
struct LoRATarget: Sendable, Hashable {
  let place: ProjectionPlace
  let layer: Int
  let rank: Int
  let alpha: Float
  /// Dropout of its input, in training.
  let dropout: Float

  init(_ place: ProjectionPlace, layer: Int, rank: Int, alpha: Float, dropout: Float = 0) {
    (self.place, self.layer, self.rank, self.alpha, self.dropout) = (place, layer, rank, alpha, dropout)
  }

  /// The module's name below `deberta.`
  var path: String { place.path(layer: layer) }
}

extension ProjectionSettings.Initialization {
  /// Initializers of the factors A and B.
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
