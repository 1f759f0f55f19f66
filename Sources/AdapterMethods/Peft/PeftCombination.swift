internal import Checkpoints
public import Deberta
internal import Glibc
internal import Kernels
internal import Tensors

/// Combines several adapters into one, like PEFT's `add_weighted_adapter`.
///
/// With w the weights and s each adapter's scale, module by module:
///
/// | strategy | result |
/// |---|---|
/// | linear, magnitude_prune, ties, dare_* | A = Σ ± √\|w s\| A, B = Σ √\|w s\| B; the sign of w s goes to A |
/// | cat | A = [w s A; ...], B = [B ...]: the ranks add |
/// | svd, *_svd | Σ w s B A, cut to `rank` singular values |
/// | linear of IA³ | Σ w l |
///
/// Before the sum, `magnitude_prune` and `ties` keep the largest values of each tensor, and the `dare` strategies keep
/// random ones, divided by the density. `ties` then drops values whose sign differs from the majority's, and divides by
/// the number of those left. The result has scale 1: PEFT keeps `use_rslora` of the first adapter and is √r too large
/// there.
///
/// Source: peft 0.21, `tuners/lora/model.py`, `add_weighted_adapter`; `utils/merge_utils.py`.
public struct PeftCombination: Sendable {
  public enum Strategy: String, Sendable, CaseIterable {
    case linear, cat, svd, ties
    case tiesSVD = "ties-svd"
    case dareLinear = "dare-linear"
    case dareTies = "dare-ties"
    case dareLinearSVD = "dare-linear-svd"
    case dareTiesSVD = "dare-ties-svd"
    case magnitudePrune = "magnitude-prune"
    case magnitudePruneSVD = "magnitude-prune-svd"
  }

  /// How `ties` determines the majority sign.
  public enum MajoritySign: String, Sendable, CaseIterable { case total, frequency }

  public let strategy: Strategy
  public let weights: [Float]
  /// The rank of the result, for strategies that decompose; nil: the largest of the inputs'.
  public var rank: Int?
  /// The fraction of values kept, for strategies that prune.
  public var density: Float?
  public var majoritySign = MajoritySign.total
  /// The quantile at which a decomposition's values are clamped.
  public var clamp: Float?
  /// Makes random pruning reproducible.
  public var seed: UInt64 = 0

  public init(_ strategy: Strategy, weights: [Float]) { (self.strategy, self.weights) = (strategy, weights) }

  /// The combined adapter, with PEFT settings.
  ///
  /// - Parameters:
  ///   - adapters: ungated LoRA or IA³ adapters, by name.
  ///   - shape: the encoder's shape.
  /// - Throws: ``PeftCombinationError``.
  public func callAsFunction(
    _ adapters: [(name: String, adapter: Adapter)], for shape: DebertaConfiguration
  ) throws -> Adapter {
    try check(adapters.count)
    var members: [Member] = []
    for (name, adapter) in adapters {
      guard let (method, parameters) = try PeftFolder.counterpart(adapter, shape) else {
        throw PeftCombinationError.method(adapter: name, method: adapter.method.name)
      }
      members.append(try Member(name, method, parameters, shape))
    }
    if members.allSatisfy({ $0.method.method is PeftIA3 }) {
      guard strategy == .linear else { throw PeftCombinationError.ia3(strategy: strategy.rawValue) }
      return try summed(members, shape)
    }
    if let odd = members.first(where: { !$0.isPlainLoRA }) {
      throw PeftCombinationError.method(adapter: odd.name, method: odd.method.name)
    }
    return try combined(members, shape)
  }

  private func check(_ count: Int) throws(PeftCombinationError) {
    guard weights.count == count, count > 0 else { throw .weights(found: weights.count, expected: count) }
    if strategy.prunes {
      guard let density, density > 0, density <= 1 else { throw .density(strategy: strategy.rawValue, found: density) }
    } else if density != nil {
      throw .noEffect(option: "density", strategy: strategy.rawValue)
    }
    if !strategy.decomposes {
      if rank != nil { throw .noEffect(option: "rank", strategy: strategy.rawValue) }
      if clamp != nil { throw .noEffect(option: "svd-clamp", strategy: strategy.rawValue) }
    }
    if let clamp, !(0...1).contains(clamp) { throw .clamp(found: clamp) }
    if majoritySign != .total, !strategy.countsSigns {
      throw .noEffect(option: "majority-sign", strategy: strategy.rawValue)
    }
  }

  // MARK: IA³

  /// Σ w l
  private func summed(_ members: [Member], _ shape: DebertaConfiguration) throws -> Adapter {
    let first = members[0]
    for member in members.dropFirst() where member.parameters.specs != first.parameters.specs {
      throw PeftCombinationError.modules(first: first.name, second: member.name)
    }
    var tensors: [String: Tensor] = [:]
    for spec in first.parameters.specs {
      var sum = [Float](repeating: 0, count: spec.count)
      for (member, weight) in zip(members, weights) {
        for (index, value) in member.parameters[spec].array.enumerated() { sum[index] += weight * value }
      }
      tensors[spec.id] = Tensor(sum, rows: first.parameters[spec].rows, columns: first.parameters[spec].columns)
    }
    return Adapter(method: first.method, parameters: AdapterParameters(first.parameters.specs, tensors))
  }

  // MARK: LoRA

  private func combined(_ members: [Member], _ shape: DebertaConfiguration) throws -> Adapter {
    var random = RandomNumbers(seed: seed)
    var results: [(module: PeftModule, factors: Factors)] = []
    for module in members.flatMap(\.modules).uniqued {
      let parts = zip(members, weights).compactMap { member, weight in
        member.factors[module.path].map { (member.name, $0, Double(weight)) }
      }
      results.append((module, try factors(parts, at: module.path, &random)))
    }
    return try adapter(results, members[0], shape)
  }

  /// The factors of one module, with scale 1.
  private func factors(
    _ parts: [(name: String, factors: Factors, weight: Double)], at path: String, _ random: inout RandomNumbers
  ) throws(PeftCombinationError) -> Factors {
    if strategy == .cat {
      let a = parts.flatMap { part in part.factors.a.values.map { part.weight * part.factors.scale * $0 } }
      let outputs = parts[0].factors.b.rows
      let b = (0..<outputs).flatMap { row in parts.flatMap { $0.factors.b.row(row) } }
      let rank = parts.reduce(0) { $0 + $1.factors.rank }
      return Factors(
        a: Matrix(a, rows: rank, columns: parts[0].factors.a.columns), b: Matrix(b, rows: outputs, columns: rank),
        scale: 1)
    }
    if strategy.decomposes {
      let deltas = parts.map { $0.factors.delta }
      let sum = merged(deltas, parts.map(\.weight), &random)
      let wanted = rank ?? parts.map(\.factors.rank).max() ?? 1
      return try decomposed(sum, rank: wanted, at: path)
    }
    if let odd = parts.first(where: { $0.factors.rank != parts[0].factors.rank }) {
      throw .ranks(first: parts[0].name, second: odd.name, strategy: strategy.rawValue)
    }
    let products = parts.map { $0.weight * $0.factors.scale }
    let roots = products.map { abs($0).squareRoot() }
    let a = merged(parts.map(\.factors.a), zip(products, roots).map { $0 < 0 ? -$1 : $1 }, &random)
    let b = merged(parts.map(\.factors.b), roots, &random)
    return Factors(a: a, b: b, scale: 1)
  }

  /// The weighted sum after pruning and after dropping values with the minority sign.
  private func merged(_ matrices: [Matrix], _ weights: [Double], _ random: inout RandomNumbers) -> Matrix {
    let density = Double(density ?? 1)
    var pruned: [Matrix] = []
    for matrix in matrices {
      switch strategy {
      case .magnitudePrune, .magnitudePruneSVD, .ties, .tiesSVD: pruned.append(matrix.largest(density))
      case .dareLinear, .dareTies, .dareLinearSVD, .dareTiesSVD:
        pruned.append(matrix.mapped { Double(random.uniform()) < density ? $0 / density : 0 })
      case .linear, .cat, .svd: pruned.append(matrix)
      }
    }
    return pruned[0].indexed { index in
      let values = pruned.map { $0.values[index] }
      guard strategy.countsSigns else { return zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } }
      let total = values.reduce(0) { $0 + (majoritySign == .total ? $1 : Double($1.direction)) }
      let majority = total >= 0 ? 1 : -1
      let agreeing = zip(values, weights).filter { $0.0.direction == majority }
      return agreeing.reduce(0) { $0 + $1.0 * $1.1 } / Double(max(agreeing.count, 1))
    }
  }

  /// U S and Vᵀ for the largest singular values.
  private func decomposed(_ matrix: Matrix, rank: Int, at path: String) throws(PeftCombinationError) -> Factors {
    let all = min(matrix.rows, matrix.columns)
    guard (1...all).contains(rank),
      let parts = LinearAlgebra.singularValues(matrix.values, rows: matrix.rows, columns: matrix.columns)
    else { throw .rank(found: rank, limit: all, place: path) }
    var (a, b) = (Array(parts.vt.prefix(rank * matrix.columns)), [Double]())
    for row in 0..<matrix.rows { for index in 0..<rank { b.append(parts.u[row * all + index] * parts.values[index]) } }
    if let clamp {
      let limit = (b + a).quantile(Double(clamp))
      a = a.map { min(max($0, -limit), limit) }
      b = b.map { min(max($0, -limit), limit) }
    }
    return Factors(
      a: Matrix(a, rows: rank, columns: matrix.columns), b: Matrix(b, rows: matrix.rows, columns: rank), scale: 1)
  }

  /// A LoRA adapter with the given factors, whose alphas equal their ranks.
  private func adapter(
    _ results: [(module: PeftModule, factors: Factors)], _ first: Member, _ shape: DebertaConfiguration
  ) throws -> Adapter {
    let counts = Dictionary(grouping: results, by: \.factors.rank).mapValues(\.count)
    let rank = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 8
    let odd = results.filter { $0.factors.rank != rank }.map { module, factors in
      (module.path.split(separator: ".").joined(separator: "\\."), JSONValue.integer(factors.rank))
    }
    let pattern = JSONValue.object(Dictionary(odd) { first, _ in first })
    var members = first.method.settings
    members.merge([
      "r": .integer(rank), "lora_alpha": .integer(rank), "rank_pattern": pattern, "alpha_pattern": pattern,
      "use_rslora": .bool(false), "exclude_modules": .null, "layers_to_transform": .null, "layers_pattern": .null,
    ]) { $1 }
    // The modules of all inputs, with full names if the first adapter's names would match others.
    members["target_modules"] = .array(results.map { .string($0.module.path) })
    if Set(results.map(\.module.path)) == Set(first.modules.map(\.path)) {
      for key in ["target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"] {
        members[key] = first.method.settings[key] ?? .null
      }
    }
    var values: [String: Tensor] = [:]
    for (module, factors) in results {
      let (a, b) = module.isTable ? ("lora_embedding_A", "lora_embedding_B") : ("lora_A.weight", "lora_B.weight")
      values["\(module.path).\(a)"] = factors.a.tensor
      values["\(module.path).\(b)"] = factors.b.tensor
    }
    let contents = PeftContents(
      values.mapValues { [$0.rows, $0.columns] }, isBelowHead: first.method.contents?.isBelowHead ?? true)
    let method = try PeftAdapter(
      ConfigurationFields(.object(members), file: first.method.source), contents: contents)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      guard let own = values[PeftFolder.fileName(spec)], [own.rows, own.columns] == spec.shape else {
        throw PeftCombinationError.modules(first: first.name, second: first.name)
      }
      tensors[spec.id] = own
    }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }
}

// MARK: - Parts

extension PeftCombination.Strategy {
  fileprivate var decomposes: Bool { self == .svd || rawValue.hasSuffix("-svd") }
  fileprivate var prunes: Bool { ![.linear, .cat, .svd].contains(self) }
  fileprivate var countsSigns: Bool { rawValue.contains("ties") }
  /// Whether the values to keep are random.
  public var isRandom: Bool { rawValue.hasPrefix("dare") }
}

/// An adapter to combine.
private struct Member {
  let name: String
  let method: PeftAdapter
  let parameters: AdapterParameters
  let modules: [PeftModule]
  /// Factors by module name.
  let factors: [String: Factors]

  init(
    _ name: String, _ method: PeftAdapter, _ parameters: AdapterParameters, _ shape: DebertaConfiguration
  ) throws {
    (self.name, self.method, self.parameters) = (name, method, parameters)
    let targets = try method.targets(shape)
    modules = targets.map(\.module)
    var factors: [String: Factors] = [:]
    if let lora = method.method as? PeftLoRA {
      for (module, specs) in targets where specs.count == 2 {
        factors[module.path] = Factors(
          a: Matrix(parameters[specs[0]]), b: Matrix(parameters[specs[1]]), scale: Double(try lora.scale(module)))
      }
    }
    self.factors = factors
  }

  /// Whether it consists only of low-rank products.
  var isPlainLoRA: Bool {
    guard let lora = method.method as? PeftLoRA, !lora.isDoRA, !lora.hasBias, lora.start == .ordinary else {
      return false
    }
    return parameters.specs.count == 2 * factors.count
  }
}

/// A [r, inputs] and B [outputs, r], and the scale of their product.
private struct Factors {
  let a, b: Matrix
  let scale: Double

  var rank: Int { a.rows }

  /// s B A
  var delta: Matrix {
    var values = [Double](repeating: 0, count: b.rows * a.columns)
    for row in 0..<b.rows {
      for index in 0..<rank {
        let factor = scale * b.values[row * rank + index]
        for column in 0..<a.columns {
          values[row * a.columns + column] += factor * a.values[index * a.columns + column]
        }
      }
    }
    return Matrix(values, rows: b.rows, columns: a.columns)
  }
}

/// Rows of float64 values.
private struct Matrix {
  let values: [Double]
  let rows, columns: Int

  init(_ values: [Double], rows: Int, columns: Int) { (self.values, self.rows, self.columns) = (values, rows, columns) }

  init(_ tensor: Tensor) { self.init(tensor.array.map(Double.init), rows: tensor.rows, columns: tensor.columns) }

  var tensor: Tensor { Tensor(values.map(Float.init), rows: rows, columns: columns) }

  func row(_ index: Int) -> ArraySlice<Double> { values[index * columns..<(index + 1) * columns] }

  func mapped(_ body: (Double) -> Double) -> Matrix { Matrix(values.map(body), rows: rows, columns: columns) }

  func indexed(_ body: (Int) -> Double) -> Matrix { Matrix(values.indices.map(body), rows: rows, columns: columns) }

  /// The given fraction of values, largest by magnitude; 0 elsewhere.
  func largest(_ density: Double) -> Matrix {
    let count = Int(density * Double(values.count))
    if count >= values.count { return self }
    let order = values.indices.sorted { (abs(values[$0]), $1) > (abs(values[$1]), $0) }
    let kept = Set(order.prefix(count))
    return indexed { kept.contains($0) ? values[$0] : 0 }
  }
}

extension Double {
  /// -1, 0 or 1
  fileprivate var direction: Int { self > 0 ? 1 : self < 0 ? -1 : 0 }
}

extension [Double] {
  /// Interpolates between the two nearest values, like PyTorch.
  fileprivate func quantile(_ share: Double) -> Double {
    let sorted = sorted()
    let place = share * Double(count - 1)
    let below = Int(place)
    let above = Swift.min(below + 1, count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
}

extension [PeftModule] {
  /// Each module once, in order of first occurrence.
  fileprivate var uniqued: [PeftModule] {
    var seen: Set<String> = []
    return filter { seen.insert($0.path).inserted }
  }
}

extension PeftModule {
  fileprivate var isTable: Bool { if case .table = kind { true } else { false } }
}

/// Why adapters cannot be combined by PEFT's rules.
public enum PeftCombinationError: Error, Hashable, Sendable, CustomStringConvertible {
  case weights(found: Int, expected: Int)
  case method(adapter: String, method: String)
  case ia3(strategy: String)
  case modules(first: String, second: String)
  case ranks(first: String, second: String, strategy: String)
  case rank(found: Int, limit: Int, place: String)
  case density(strategy: String, found: Float?)
  case clamp(found: Float)
  case noEffect(option: String, strategy: String)

  public var description: String {
    switch self {
    case .weights(let found, let expected):
      "There are \(expected) adapters but \(found) weights; the peft strategies need one for each."
    case .method(let adapter, let method):
      "The adapter '\(adapter)' is of the method '\(method)'; the peft strategies combine LoRA and IA³ without gates, "
        + "biases and DoRA, all of one method."
    case .ia3(let strategy): "The strategy peft-\(strategy) is for LoRA; IA³ is combined by peft-linear alone."
    case .modules(let first, let second):
      "The adapters '\(first)' and '\(second)' act on different modules, and cannot be summed factor by factor."
    case .ranks(let first, let second, let strategy):
      "The adapters '\(first)' and '\(second)' have different ranks, but peft-\(strategy) sums their factors one by "
        + "one. Use peft-cat or peft-svd."
    case .rank(let found, let limit, let place):
      "The rank \(found) is not from 1 to \(limit), the smaller side of the weights at \(place)."
    case .density(let strategy, let found):
      "The strategy peft-\(strategy) needs a density above 0 and up to 1" + (found.map { "; found \($0)." } ?? ".")
    case .clamp(let found): "The clamp is a quantile from 0 to 1; found \(found)."
    case .noEffect(let option, let strategy): "The option '\(option)' has no effect with peft-\(strategy)."
    }
  }
}
