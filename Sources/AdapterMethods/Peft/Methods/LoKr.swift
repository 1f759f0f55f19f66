internal import Checkpoints
internal import Deberta
internal import Tensors

/// LoKr: a Kronecker product with optionally low-rank factors, added to a linear layer.
///
///     y = W x + b + (alpha / r) (W₁ ⊗ W₂) x        W₁ [a, c], W₂ [b, d] for a · b outputs and c · d inputs
///
/// Source: Yeh et al., "Navigating Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation" (2024);
/// peft 0.21, `tuners/lokr/layer.py`.
struct LoKr: PeftMethod {
  static let type = "LOKR"
  static let prefix = "lokr_"

  private let scales: PeftScales
  private let decomposesBoth: Bool
  private let factor: Int

  static let fields =
    PeftScales.fields + [
      MethodField("decompose_both", .bool(false)), MethodField("decompose_factor", .integer(-1)),
      MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts with a first factor of 0")),
      MethodField("rank_dropout_scale", .bool(false), .none),
    ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    scales = try PeftScales(fields)
    decomposesBoth = try fields.flag("decompose_both")
    factor = try fields.whole("decompose_factor", in: -1...1 << 24)
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    let rank = try scales.rank(module)
    let (left, right) = (Self.factors(outputs, near: factor), Self.factors(inputs, near: factor))
    func tensors(_ name: String, _ rows: Int, _ columns: Int, isWhole: Bool, startsAtZero: Bool) -> [PeftTensor] {
      if isWhole {
        return [PeftTensor(name, [rows, columns], startsAtZero ? .constant(0) : .linear(inputs: columns))]
      }
      return [
        PeftTensor(name + "_a", [rows, rank], startsAtZero ? .constant(0) : .linear(inputs: rank)),
        PeftTensor(name + "_b", [rank, columns], .linear(inputs: columns)),
      ]
    }
    return tensors(
      "lokr_w1", left.small, right.small, isWhole: !(decomposesBoth && 2 * rank < max(left.small, right.small)),
      startsAtZero: true)
      + tensors(
        "lokr_w2", left.large, right.large, isWhole: 2 * rank >= max(left.large, right.large), startsAtZero: false)
  }

  /// Two factors of a size: the first one close to the requested one, or, for -1, both close to the square root.
  static func factors(_ size: Int, near wanted: Int) -> (small: Int, large: Int) {
    if wanted > 0, size % wanted == 0 { return (wanted, size / wanted) }
    let limit = wanted == -1 ? size : wanted
    var (small, large) = (1, size)
    while small < large {
      var next = small + 1
      while size % next != 0 { next += 1 }
      if next + size / next > size + 1 || next > limit { break }
      (small, large) = (next, size / next)
    }
    return (min(small, large), max(small, large))
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    func factor(_ name: String) -> Tensor {
      tensors.contains(name) ? tensors[name] : pass.product(tensors[name + "_a"], tensors[name + "_b"])
    }
    let first = pass.scaled(factor("lokr_w1"), by: scales.scale(module))
    return AddedMatrix(pass.kroneckerSum([first], [factor("lokr_w2")]), on: pass)
  }
}
