internal import Checkpoints
internal import Deberta
internal import Tensors

/// AdaLoRA: LoRA as a singular value decomposition whose values are pruned in training.
///
///     y = W x + b + alpha / (r₀ + 10⁻⁵) B (E ⊙ A) x        A [r, inputs], B [outputs, r], E [r, 1]
///
/// r₀ is the rank before pruning; a module's actual rank is that of its tensors.
///
/// Source: Zhang et al., "Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning" (2023); peft 0.21,
/// `tuners/adalora/layer.py`.
struct AdaLoRA: PeftMethod {
  static let type = "ADALORA"
  static let prefix = "lora_"
  static let targets = ["query_proj", "key_proj", "value_proj", "dense", "in_proj"]

  private let rank: Int
  private let alpha: Double
  private let dropout: Float

  static let fields: [MethodField] =
    [
      MethodField("init_r", .integer(12)), MethodField("lora_alpha", .integer(8)),
      MethodField("lora_dropout", .integer(0)), MethodField("bias", .string("none")),
      MethodField("init_lora_weights", .bool(true), .startsOnly("true: a fresh adapter starts without effect")),
      MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
      // The ranks after pruning, which the tensors define.
      MethodField("rank_pattern", .null, .startsOnly("null: nothing of a fresh adapter is pruned")),
    ]
    // The pruning schedule; training here does not prune.
    + ["r", "target_r", "tinit", "tfinal", "deltaT", "beta1", "beta2", "orth_reg_weight", "total_step"].map {
      MethodField($0, .null, .none)
    } + PeftLoRA.unread

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    rank = try fields.whole("init_r", in: 1...1 << 16)
    let alpha = Double(try fields.real("lora_alpha"))
    self.alpha = alpha > 0 ? alpha : Double(rank)
    dropout = try fields.probability("lora_dropout")
  }

  func tensors(for module: PeftModule) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    let rank = module.held?["lora_A"]?.first ?? rank
    return [
      PeftTensor("lora_A", [rank, inputs], .normal(deviation: 0.02)),
      PeftTensor("lora_B", [outputs, rank], .normal(deviation: 0.02)), PeftTensor("lora_E", [rank, 1], .constant(0)),
    ]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let a = pass.copy(tensors["lora_A"])
    pass.scaleRows(a, (0..<a.rows).map { $0..<$0 + 1 }, by: tensors["lora_E"])
    let b = pass.scaled(tensors["lora_B"], by: Float(alpha / (Double(rank) + 1e-5)))
    return AddedLowRank(a: pass.layer(weight: a), left: LeftFactor(b, on: pass), gate: nil, dropout: dropout)
  }
}
