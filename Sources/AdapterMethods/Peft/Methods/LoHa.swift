internal import Checkpoints
internal import Deberta
internal import Tensors

/// LoHa: an element-wise product of two low-rank products, added to a linear layer.
///
///     y = W x + b + (alpha / r) (A₁ B₁ ⊙ A₂ B₂) x        A [outputs, r], B [r, inputs]
///
/// Source: Hyeon-Woo et al., "FedPara" (2022); peft 0.21, `tuners/loha/layer.py`.
struct LoHa: PeftMethod {
  static let type = "LOHA"
  static let prefix = "hada_"

  private let scales: PeftScales

  static let fields =
    PeftScales.fields + [
      MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts without effect"))
    ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) { scales = try PeftScales(fields) }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    let rank = try scales.rank(module)
    return [
      PeftTensor("hada_w1_a", [outputs, rank], .linear(inputs: rank)),
      PeftTensor("hada_w1_b", [rank, inputs], .linear(inputs: inputs)),
      PeftTensor("hada_w2_a", [outputs, rank], .linear(inputs: rank)),
      PeftTensor("hada_w2_b", [rank, inputs], .constant(0)),
    ]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let delta = pass.elementProduct(
      pass.product(tensors["hada_w1_a"], tensors["hada_w1_b"]), pass.product(tensors["hada_w2_a"], tensors["hada_w2_b"])
    )
    return AddedMatrix(pass.scaled(delta, by: scales.scale(module)), on: pass)
  }
}

/// Rank and alpha of the LyCORIS methods, which may vary by module.
struct PeftScales: Sendable {
  private let rank: Int
  private let alpha: Double
  private let ranks: ModulePatterns<Int>
  private let alphas: ModulePatterns<Double>

  static let fields: [MethodField] = [
    MethodField("r", .integer(8)), MethodField("alpha", .integer(8)), MethodField("rank_pattern", .object([:])),
    MethodField("alpha_pattern", .object([:])), MethodField("use_effective_conv2d", .bool(false), .none),
    MethodField("rank_dropout", .integer(0), .startsOnly("0: it is not trained with")),
    MethodField("module_dropout", .integer(0), .startsOnly("0: it is not trained with")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    rank = try fields.whole("r", in: 1...1 << 16)
    alpha = Double(try fields.real("alpha"))
    ranks = try fields.wholePatterns("rank_pattern")
    alphas = try fields.realPatterns("alpha_pattern")
    _ = try (fields.probability("rank_dropout"), fields.probability("module_dropout"))
  }

  func rank(_ module: PeftModule) throws(ConfigurationError) -> Int {
    _ = try alphas.value(for: module.name)
    return try ranks.value(for: module.name) ?? rank
  }

  /// alpha / r; any error of the patterns was already thrown by `rank`.
  func scale(_ module: PeftModule) -> Float {
    let (own, other) = (try? alphas.value(for: module.name), try? ranks.value(for: module.name))
    return Float((own ?? alpha) / Double(other ?? rank))
  }
}
