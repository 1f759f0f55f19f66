internal import Checkpoints
internal import Tensors

/// The settings of compacter's projections.
///
/// Source: adapters, `configuration/adapter_config.py`, `BnConfig`, the fields `phm_*`.
struct KroneckerSettings: Sendable {
  /// The number of terms m.
  let count: Int
  let rank: Int
  let factorsWeights, sharesWeights: Bool
  let factorsRule, sharesRule, trainsRule: Bool
  let hasBias: Bool
  let ruleStart: Initializer
  private let source: String

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    count = try fields.whole("phm_dim", in: 1...1 << 12)
    rank = try fields.whole("phm_rank", in: 1...1 << 12)
    factorsWeights = try fields.flag("factorized_phm_W")
    sharesWeights = try fields.flag("shared_W_phm")
    factorsRule = try fields.flag("factorized_phm_rule")
    sharesRule = try fields.flag("shared_phm_rule")
    trainsRule = try fields.flag("learn_phm")
    hasBias = try fields.flag("phm_bias")
    let range = try fields.real("phm_init_range")
    switch try fields.word("phm_c_init") {
    case "normal": ruleStart = .normal(deviation: sharesRule ? range : 0.01)
    case "uniform": ruleStart = .uniform(bound: sharesRule ? 1 : 0.01)
    case let name: throw fields.impossible("phm_c_init", "'\(name)'", "'normal' or 'uniform'")
    }
    source = fields.file
  }

  /// Checks that both widths can be divided into equal parts.
  func check(hidden: Int, size: Int) throws(ConfigurationError) {
    guard hidden % count == 0, size % count == 0 else {
      throw .impossible(
        key: "phm_dim", value: "\(count)",
        expected: "a divisor of hidden_size \(hidden) and of the bottleneck's size \(size)", file: source)
    }
  }
}

/// A projection whose weights are a sum of Kronecker products: compacter's PHM layer.
///
///     y = x Σₖ (Cₖ ⊗ Wₖ) + b        C [m, m, m], W [m, inputs / m, outputs / m]
///
/// C (the rule) and W may be stored as products of two factors, and shared by all layers. The sum is computed once,
/// when an adapter is bound.
///
/// Source: Mahabadi et al., "Compacter: Efficient Low-Rank Hypercomplex
/// Adapter Layers" (2021); adapters, `methods/modeling.py`, `PHMLayer`.
struct KroneckerProjection: Sendable {
  enum Direction: String { case down, up }

  private let rule, weight: StackedMatrices
  private let bias: ParameterSpec?

  var specs: [ParameterSpec] { rule.specs + weight.specs + (bias.map { [$0] } ?? []) }

  /// - Parameter own: makes a spec that is not shared.
  init(
    _ settings: KroneckerSettings, _ direction: Direction, inputs: Int, outputs: Int,
    own: (String, [Int], Initializer) -> ParameterSpec
  ) {
    func shared(_ member: String, _ shape: [Int], _ start: Initializer) -> ParameterSpec {
      ParameterSpec("", "shared_parameters", member, shape, start, isTrainable: isTrainable(member))
    }
    func isTrainable(_ member: String) -> Bool { settings.trainsRule || !member.hasPrefix("phm_rule") }
    let count = settings.count
    let (rows, columns) = (inputs / count, outputs / count)
    rule = StackedMatrices(
      "phm_rule", count: count, rows: count, columns: count, rank: settings.factorsRule ? 1 : nil,
      start: { _, _ in settings.ruleStart }, make: settings.sharesRule ? shared : own)
    weight = StackedMatrices(
      settings.sharesWeights ? "W_\(direction.rawValue)" : "W", count: count, rows: rows, columns: columns,
      rank: settings.factorsWeights ? settings.rank : nil, start: Initializer.glorot,
      make: settings.sharesWeights ? shared : own)
    bias = settings.hasBias ? own("b", [outputs], .constant(0)) : nil
  }

  /// The projection as a plain linear layer, [outputs, inputs].
  func layer(_ parameters: AdapterParameters, on pass: Pass) -> Linear {
    let sum = pass.kroneckerSum(rule.matrices(parameters, on: pass), weight.matrices(parameters, on: pass))
    // The sum is [inputs, outputs]; a linear layer holds it transposed.
    return pass.layer(weight: pass.transposed(sum), bias: bias.map { parameters[$0] })
  }
}

/// Matrices [count, rows, columns] that are stored directly, or as products [count, rows, rank] [count, rank, columns].
private struct StackedMatrices: Sendable {
  let specs: [ParameterSpec]
  private let count: Int

  init(
    _ name: String, count: Int, rows: Int, columns: Int, rank: Int?, start: (Int, Int) -> Initializer,
    make: (String, [Int], Initializer) -> ParameterSpec
  ) {
    self.count = count
    if let rank {
      specs = [
        make("\(name)_left", [count, rows, rank], start(rows, rank)),
        make("\(name)_right", [count, rank, columns], start(rank, columns)),
      ]
    } else {
      specs = [make(name, [count, rows, columns], start(rows, columns))]
    }
  }

  func matrices(_ parameters: AdapterParameters, on pass: Pass) -> [Tensor] {
    let stacks = specs.map { spec in
      let rows = spec.shape[1]
      return (0..<count).map { parameters[spec].rows($0 * rows..<($0 + 1) * rows) }
    }
    guard stacks.count == 2 else { return stacks[0] }
    return zip(stacks[0], stacks[1]).map { pass.product($0, $1) }
  }
}
