internal import Checkpoints
internal import Deberta
internal import Tensors

/// LN tuning: layer norms with trained gains and biases.
///
/// A name such as `LayerNorm` also matches the norm of the table of relative positions.
///
/// Source: Zhao et al., "Tuning LayerNorm in Attention: Towards Efficient Multi-Modal LLM Finetuning" (2023);
/// peft 0.21, `tuners/ln_tuning/layer.py`.
struct LNTuning: PeftMethod {
  static let type = "LN_TUNING"
  static let prefix = "ln_tuning_layers."
  static let targets = ["LayerNorm"]
  static let fields: [MethodField] = []

  init(_ fields: ConfigurationFields) {}

  func tensors(for module: PeftModule) -> [PeftTensor]? {
    guard case .norm(let size) = module.kind, case .encoder(let place) = module.place else { return nil }
    return [
      PeftTensor("ln_tuning_layers.weight", [size], .base(place, isBias: false)),
      PeftTensor("ln_tuning_layers.bias", [size], .base(place, isBias: true)),
    ]
  }

  func norm(_ module: PeftModule, _ tensors: PeftTensors, for norm: LayerNorm) -> LayerNorm {
    LayerNorm(
      gain: tensors.row("ln_tuning_layers.weight"), bias: tensors.row("ln_tuning_layers.bias"), eps: norm.eps)
  }
}
