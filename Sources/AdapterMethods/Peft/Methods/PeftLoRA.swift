internal import Checkpoints
internal import Deberta
internal import Tensors

/// PEFT's LoRA, a low-rank product added to linear layers and embeddings, and its DoRA.
///
///     y = W x + b + s (B A x + c)                                  s = alpha / r, or alpha / √r with use_rslora
///     y = g ⊙ (W x + s B A x) + b        g = m / ‖W + s B A‖       with use_dora, the norm row by row
///
/// For an embedding table, W is its transpose and x a one-hot vector. Ranks and alphas may vary by module. The table of
/// relative positions also has tensors if a setting targets it; PEFT ignores them.
///
/// Source: peft 0.21, `tuners/lora/layer.py`, `tuners/lora/dora.py`.
struct PeftLoRA: PeftMethod {
  static let type = "LORA"
  static let prefix = "lora_"

  private let rank: Int
  private let alpha: Double
  private let ranks: ModulePatterns<Int>
  private let alphas: ModulePatterns<Double>
  let isRankStabilized: Bool
  let isDoRA: Bool
  /// Whether B has a bias c, scaled like B.
  let hasBias: Bool
  let dropout: Float
  let start: Start
  private let file: String

  /// The initialization of A and B; some modes subtract a part of the base model's weights.
  enum Start: Sendable, Hashable {
    case ordinary
    /// Subtracts the first singular components of W.
    case pissa
    /// Subtracts the QR decomposition of W, truncated to the rank and scaled.
    case olora
  }

  static let fields: [MethodField] =
    [
      MethodField("r", .integer(8)), MethodField("lora_alpha", .integer(8)), MethodField("lora_dropout", .integer(0)),
      MethodField("bias", .string("none")), MethodField("use_rslora", .bool(false)),
      MethodField("use_dora", .bool(false)), MethodField("lora_bias", .bool(false)),
      MethodField("rank_pattern", .object([:])), MethodField("alpha_pattern", .object([:])),
      MethodField("init_lora_weights", .bool(true)), MethodField("trainable_token_indices", .null),
      MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
    ] + unread

  /// Settings about initialization, and about how PEFT runs.
  static let unread: [MethodField] = [
    "megatron_core", "qalora_group_size", "eva_config", "corda_config", "loftq_config", "lora_ga_config",
    "velora_config", "ensure_weight_tying",
  ].map { MethodField($0, .null, .none) }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    rank = try fields.whole("r", in: 1...1 << 16)
    alpha = Double(try fields.real("lora_alpha"))
    ranks = try fields.wholePatterns("rank_pattern")
    alphas = try fields.realPatterns("alpha_pattern")
    isRankStabilized = try fields.flag("use_rslora")
    isDoRA = try fields.flag("use_dora")
    hasBias = try fields.flag("lora_bias")
    dropout = try fields.probability("lora_dropout")
    start = try Self.start(fields)
    file = fields.file
    if isDoRA, hasBias { throw fields.impossible("lora_bias", "true", "false, because use_dora is true") }
    if isDoRA, start != .ordinary {
      throw fields.impossible(
        "init_lora_weights", "another start than usual",
        "true, because use_dora is true: the lengths of the changed "
          + "weights are not known here")
    }
  }

  private static func start(_ fields: ConfigurationFields) throws(ConfigurationError) -> Start {
    switch fields.members["init_lora_weights"] {
    case nil, .null, .bool: return .ordinary
    case .string(let name) where ["gaussian", "orthogonal", "eva"].contains(name.lowercased()): return .ordinary
    case .string(let name) where name.lowercased() == "pissa": return .pissa
    case .string(let name) where name.lowercased() == "olora": return .olora
    case let value?:
      throw fields.impossible(
        "init_lora_weights", value.kind,
        "true, false, 'gaussian', 'orthogonal', 'eva', 'pissa' or 'olora': any other start changes the base model's "
          + "own weights. In Python, save_pretrained(path_initial_model_for_weight_conversion=...) writes plain LoRA "
          + "of it")
    }
  }

  var name: String { isDoRA ? "dora" : "lora" }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    let rank = try rank(module)
    if start != .ordinary, module.held == nil {
      throw .impossible(
        key: "init_lora_weights", value: "'\(start)'", expected: "true: a fresh adapter does not start so here",
        file: file)
    }
    switch module.kind {
    case .linear(let inputs, let outputs):
      var tensors = [
        PeftTensor("lora_A.weight", [rank, inputs], .linear(inputs: inputs)),
        PeftTensor("lora_B.weight", [outputs, rank], .constant(0)),
      ]
      if hasBias { tensors.append(PeftTensor("lora_B.bias", [outputs], .constant(0))) }
      if isDoRA { tensors.append(PeftTensor("lora_magnitude_vector", [outputs], module.rowNorms)) }
      return tensors
    case .table(let rows, let columns):
      if start != .ordinary {
        throw .impossible(
          key: "init_lora_weights", value: "'\(start)'", expected: "true, because '\(module.name)' is an embedding",
          file: file)
      }
      return [
        PeftTensor("lora_embedding_A", [rank, rows], .constant(0)),
        PeftTensor("lora_embedding_B", [columns, rank], .normal(deviation: 1)),
      ] + (isDoRA ? [PeftTensor("lora_magnitude_vector", [columns], module.columnNorms)] : [])
    case .norm, .vector, .convolution: return nil
    }
  }

  func rank(_ module: PeftModule) throws(ConfigurationError) -> Int { try ranks.value(for: module.name) ?? rank }

  /// alpha / r, or alpha / √r.
  func scale(_ module: PeftModule) throws(ConfigurationError) -> Float {
    let (alpha, rank) = (try alphas.value(for: module.name) ?? alpha, Double(try rank(module)))
    return Float(alpha / (isRankStabilized ? rank.squareRoot() : rank))
  }

  /// Like `scale`; any error was already thrown by `tensors(for:)`.
  private func checkedScale(_ module: PeftModule) -> Float { (try? scale(module)) ?? 1 }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let scale = checkedScale(module)
    let (a, b) = (tensors["lora_A.weight"], pass.scaled(tensors["lora_B.weight"], by: scale))
    let added = AddedLowRank(
      a: pass.layer(weight: a), left: LeftFactor(b, on: pass), gate: nil, dropout: dropout)
    if hasBias {
      return StackedProjection(children: [added, AddedBias(pass.scaled(tensors.row("lora_B.bias"), by: scale))])
    }
    guard isDoRA else { return added }
    let sum = LowRankFactors(a: a, b: b).added(to: layer.weight, times: 1, on: pass)
    let factors = pass.quotient(tensors.row("lora_magnitude_vector"), pass.rowNorms(sum))
    return RescaledLowRank(added: added, factors: factors, bias: layer.bias, on: pass)
  }

  func hook(
    _ module: PeftModule, _ tensors: PeftTensors, for table: WeightMatrix, on pass: Pass
  ) -> (any TableHook)? {
    if case .encoder(.relativePositions) = module.place { return nil }
    let (a, b) = (tensors["lora_embedding_A"], pass.scaled(tensors["lora_embedding_B"], by: checkedScale(module)))
    let rows = pass.transposed(a)
    var factors: Tensor?
    if isDoRA {
      let sum = pass.copy(table.widened(pass.compute))
      pass.addProduct(rows, pass.transposed(b), to: sum)
      factors = pass.quotient(tensors.row("lora_magnitude_vector"), pass.columnNorms(sum))
    }
    return LowRankTable(rows: rows, left: pass.layer(weight: b), factors: factors)
  }
}

/// factors ⊙ (y - b + added) + b
struct RescaledLowRank: ProjectionHook {
  private let added: AddedLowRank
  /// [1, outputs]
  private let factors: Tensor
  /// b - factors ⊙ b
  private let shift: AddedBias?

  var isTokenwise: Bool { added.isTokenwise }

  init(added: AddedLowRank, factors: Tensor, bias: Tensor?, on pass: Pass) {
    self.added = added
    self.factors = factors
    shift = bias.map { bias in
      let scaled = pass.copy(bias)
      pass.scaleColumns(scaled, by: factors)
      return AddedBias(from: scaled, to: bias, on: pass)
    }
  }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    added.adapt(y, input: x, at: site, on: pass)
    pass.scaleColumns(y, by: factors)
    shift?.adapt(y, input: x, at: site, on: pass)
  }
}

/// factors ⊙ (y + s Aᵀ[index] Bᵀ)
private struct LowRankTable: TableHook {
  /// Aᵀ [rows of the table, r]
  let rows: Tensor
  /// s B [columns of the table, r]
  let left: Linear
  /// [1, columns]
  let factors: Tensor?

  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass) {
    pass.addLinear(pass.gather(rows, rows: indices), left, to: y)
    if let factors { pass.scaleColumns(y, by: factors) }
  }
}

extension PeftModule {
  /// The norms of the weight's rows.
  var rowNorms: Initializer { if case .encoder(let place) = place { .rowNorms(place) } else { .constant(1) } }

  /// The norms of the table's columns.
  var columnNorms: Initializer { if case .encoder(let place) = place { .columnNorms(place) } else { .constant(1) } }
}
