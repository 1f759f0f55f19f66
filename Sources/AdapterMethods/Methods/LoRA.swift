public import Checkpoints
internal import Deberta
internal import Tensors

/// LoRA: a product of low rank added to a linear layer.
///
///     y = W x + c + (alpha / r) B A x        A [r, inputs], B [outputs, r]
///
/// With a gate g, the mean over tokens of sigmoid(gate(x)), g takes the
/// place of alpha / r, as in the reference. On query and key it also acts on
/// the relative positions where the model shares its projections (DeBERTa-v3).
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models"
/// (2021); adapters, `methods/lora.py`, `LoRA`.
public struct LoRA: AdapterMethod, LowRankMethod {
  let projections: ProjectionSettings

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    projections = try ProjectionSettings(fields)
    if let mode = try fields.string("composition_mode"), mode != "add" {
      throw fields.impossible("composition_mode", "'\(mode)'", "'add' or 'scale'")
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
    return LowRankFactors(a: parameters[a], b: parameters[b])
  }

  private func specs(of module: ProjectionModule) -> (a: ParameterSpec, b: ParameterSpec) {
    let (aStart, bStart) = projections.factorInitializers(inputs: module.inputs)
    return (
      module.spec("lora_A", [projections.rank, module.inputs], aStart),
      module.spec("lora_B", [module.outputs, projections.rank], bStart)
    )
  }
}

extension ProjectionSettings {
  /// How the factors A and B start.
  func factorInitializers(inputs: Int) -> (a: Initializer, b: Initializer) {
    switch initialization {
    case .lora: (.linear(inputs: inputs), .constant(0))
    case .bert: (.normal(deviation: 0.02), .normal(deviation: 0.02))
    case .ia3: (.constant(1), .constant(1))
    case .vera:
      (.uniform(bound: (6 / Float(inputs)).squareRoot()), .uniform(bound: (6 / Float(rank)).squareRoot()))
    }
  }
}
