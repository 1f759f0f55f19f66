internal import Checkpoints
internal import Deberta
internal import Tensors

/// PEFT's VeRA: a low-rank product of random factors shared by all modules; each trains the scalings between them.
///
///     y = W x + c + b ⊙ (B (d ⊙ A x))        d [r], b [outputs]
///
/// A [r, most inputs] and B [most outputs, r] are frozen; a module uses the slice that fits. A folder without them
/// specifies how they were drawn.
///
/// Source: Kopiczko et al., "VeRA: Vector-based Random Matrix Adaptation" (2023); peft 0.21, `tuners/vera`.
struct PeftVeRA: PeftMethod {
  static let type = "VERA"
  static let prefix = "vera_"
  private static let (a, b) = ("base_model.vera_A", "base_model.vera_B")

  private let rank: Int
  private let seed: Int
  private let isSaved: Bool
  private let dropout: Float
  private let start: Float

  static let fields: [MethodField] = [
    MethodField("r", .integer(256)), MethodField("projection_prng_key", .integer(0)),
    MethodField("save_projection", .bool(true)), MethodField("vera_dropout", .integer(0)),
    MethodField("d_initial", .number(0.1)), MethodField("bias", .string("none")),
    MethodField("init_weights", .bool(true), .startsOnly("true: a fresh adapter starts without effect")),
    MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    rank = try fields.whole("r", in: 1...1 << 16)
    seed = try fields.whole("projection_prng_key", in: 0...Int(UInt32.max))
    isSaved = try fields.flag("save_projection")
    dropout = try fields.probability("vera_dropout")
    start = try fields.real("d_initial")
  }

  func tensors(for module: PeftModule) -> [PeftTensor]? {
    guard case .linear(_, let outputs) = module.kind else { return nil }
    return [
      PeftTensor("vera_lambda_d", [rank], .constant(start)), PeftTensor("vera_lambda_b", [outputs], .constant(0)),
    ]
  }

  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) -> [PeftTensor] {
    guard isSaved else { return [] }
    return projections(modules).map { PeftTensor($0.name, $0.shape, $0.start, isTrainable: false) }
  }

  func derivedTensors(for modules: [PeftModule], in encoder: Encoder) -> [String: Tensor] {
    if isSaved { return [:] }
    var random = RandomNumbers(seed: 0)
    return projections(modules).reduce(into: [:]) { tensors, own in
      tensors[own.name] = Tensor(
        own.start.values(own.shape, encoder, &random), rows: own.shape[0], columns: own.shape[1])
    }
  }

  /// The shared factors, sized for the largest modules.
  private func projections(_ modules: [PeftModule]) -> [(name: String, shape: [Int], start: Initializer)] {
    var (inputs, outputs) = (0, 0)
    for case .linear(let own, let other) in modules.map(\.kind) {
      (inputs, outputs) = (max(inputs, own), max(outputs, other))
    }
    func start(_ columns: Int, after skipped: Int) -> Initializer {
      .torchUniform(seed: seed, skipping: skipped, bound: (6 / Double(columns)).squareRoot())
    }
    return [
      (Self.a, [rank, inputs], start(inputs, after: 0)), (Self.b, [outputs, rank], start(rank, after: rank * inputs)),
    ]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let a = pass.copy(tensors[Self.a].columns(0..<layer.inputs))
    let b = pass.copy(tensors[Self.b].rows(0..<layer.outputs))
    let rows = tensors["vera_lambda_d"].reshaped(rows: rank, columns: 1)
    pass.scaleRows(a, (0..<rank).map { $0..<$0 + 1 }, by: rows)
    let outputs = tensors["vera_lambda_b"].reshaped(rows: layer.outputs, columns: 1)
    pass.scaleRows(b, (0..<layer.outputs).map { $0..<$0 + 1 }, by: outputs)
    return AddedLowRank(a: pass.layer(weight: a), left: LeftFactor(b, on: pass), gate: nil, dropout: dropout)
  }
}
