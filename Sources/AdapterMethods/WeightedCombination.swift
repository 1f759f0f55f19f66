internal import Checkpoints
public import Deberta
internal import Tensors

/// Combines several adapters with equal settings into one.
///
/// Source: adapters, `model_mixin.py`, `average_adapter`; `methods/lora.py`, `LoRALayer.average_adapter`.
public struct WeightedCombination: Sendable, Hashable {
  /// What the weights apply to.
  public enum Strategy: String, Sendable, CaseIterable {
    /// Every tensor: Σ wᵢ tᵢ.
    case linear
    /// LoRA factors: A = Σ |wᵢ| Aᵢ and B = Σ wᵢ Bᵢ, so that a negative weight subtracts an adapter's effect.
    case negateB = "negate-b"
    /// LoRA products: B A is the best approximation of Σ wᵢ Bᵢ Aᵢ with the given rank; alpha is unchanged.
    case svd
  }

  public var strategy: Strategy
  /// One per adapter; nil: equal weights.
  public var weights: [Float]?
  /// Whether the weights are divided by their sum.
  public var normalizesWeights: Bool
  /// The rank of the result, for `svd`.
  public var rank: Int?

  public init(
    _ strategy: Strategy = .linear, weights: [Float]? = nil, normalizesWeights: Bool = true, rank: Int? = nil
  ) {
    self.strategy = strategy
    self.weights = weights
    self.normalizesWeights = normalizesWeights
    self.rank = rank
  }

  /// The weight of each input.
  ///
  /// - Throws: `CombinationError.count`, `.weights`.
  public func weights(of names: [String]) throws(CombinationError) -> [Float] {
    guard !names.isEmpty else { throw .nothing }
    guard let weights else {
      return Array(repeating: 1 / Float(names.count), count: names.count)
    }
    guard weights.count == names.count else { throw .count(weights: weights.count, inputs: names) }
    guard let odd = weights.first(where: { !$0.isFinite }) else {
      guard normalizesWeights else { return weights }
      let sum = weights.reduce(0) { $0 + Double($1) }
      guard abs(sum) > 1e-12 else { throw .weights(weights) }
      return weights.map { Float(Double($0) / sum) }
    }
    throw .notFinite(odd)
  }

  /// The combined adapter.
  ///
  /// - Parameters:
  ///   - adapters: with equal settings, except those for training: dropout, initialization.
  ///   - shape: the model's shape.
  /// - Throws: `CombinationError`, with the names and settings that differ; `ConfigurationError` for an invalid rank.
  public func callAsFunction(_ adapters: [(name: String, adapter: Adapter)], for shape: DebertaV2Configuration) throws
    -> Adapter
  {
    let weights = try weights(of: adapters.map(\.name))
    guard rank == nil || strategy == .svd else { throw CombinationError.rankWithoutSVD(strategy: strategy.rawValue) }
    try Self.requireEqualSettings(adapters)
    return switch strategy {
    case .linear: Self.sum(adapters) { _ in weights }
    case .negateB: try negated(adapters, weights)
    case .svd: try truncated(adapters, weights, for: shape)
    }
  }

  // MARK: Strategies

  /// Σ wᵢ tᵢ for every tensor, with its own weights.
  static func sum(
    _ adapters: [(name: String, adapter: Adapter)], weights: (ParameterSpec) throws -> [Float]
  ) rethrows -> Adapter {
    let specs = adapters[0].adapter.parameters.specs
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      var sum = [Float](repeating: 0, count: spec.count)
      for (item, weight) in zip(adapters, try weights(spec)) {
        let values = item.adapter.parameters[spec].array
        for index in sum.indices { sum[index] += weight * values[index] }
      }
      let own = adapters[0].adapter.parameters[spec]
      tensors[spec.id] = Tensor(sum, rows: own.rows, columns: own.columns)
    }
    return Adapter(method: adapters[0].adapter.method, parameters: AdapterParameters(specs, tensors))
  }

  private func negated(_ adapters: [(name: String, adapter: Adapter)], _ weights: [Float]) throws -> Adapter {
    try Self.sum(adapters) { spec in
      switch (spec.container, spec.member) {
      case ("loras", "lora_A"): weights.map(abs)
      case ("loras", "lora_B"): weights
      default: throw CombinationError.otherTensor(strategy: strategy.rawValue, tensor: spec.id)
      }
    }
  }

  private func truncated(
    _ adapters: [(name: String, adapter: Adapter)], _ weights: [Float], for shape: DebertaV2Configuration
  ) throws -> Adapter {
    guard let rank else { throw CombinationError.noRank }
    for spec in adapters[0].adapter.parameters.specs
    where spec.container != "loras" || !["lora_A", "lora_B"].contains(spec.member) {
      throw CombinationError.otherTensor(strategy: strategy.rawValue, tensor: spec.id)
    }
    guard let lora = adapters[0].adapter.method as? LoRA else {
      throw CombinationError.otherMethod(strategy: strategy.rawValue, method: adapters[0].adapter.method.name)
    }
    guard lora.modules(shape).allSatisfy(\.isWhole) else {
      throw CombinationError.otherMethod(
        strategy: strategy.rawValue, method: "LoRA on parts of DeBERTa v1's fused projection")
    }
    let method = try lora.resized(rank: rank)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for (new, old) in zip(method.modules(shape), lora.modules(shape)) {
      guard rank <= min(new.inputs, new.outputs) else {
        throw CombinationError.rankTooLarge(rank, place: new.place.path, inputs: new.inputs, outputs: new.outputs)
      }
      let pass = Pass(Compute(threads: 1))
      let product = LowRankProduct(
        zip(adapters, weights).map { item, weight in
          let factors = lora.factors(item.adapter.parameters, old, on: pass)
          return (a: factors.a.array, b: factors.b.array, weight: Double(weight))
        }, inputs: new.inputs, outputs: new.outputs)
      let (a, b) = product.truncated(to: rank)
      let own = method.specs(new)
      tensors[own[0].id] = Tensor(a, rows: rank, columns: new.inputs)
      tensors[own[1].id] = Tensor(b, rows: new.outputs, columns: rank)
    }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  // MARK: Settings

  /// Settings that only affect training, which a combined adapter takes from the first.
  private static let trainingSettings: Set<String> = ["dropout", "init_weights", "init_weights_seed", "lora_dropout"]

  private static func requireEqualSettings(
    _ adapters: [(name: String, adapter: Adapter)]
  ) throws(CombinationError) {
    let first = adapters[0]
    let expected = first.adapter.method.settings
    for other in adapters.dropFirst() {
      let found = other.adapter.method.settings
      let keys = Set(expected.keys).union(found.keys).subtracting(trainingSettings).sorted()
      let odd = keys.first { essential(expected[$0]) != essential(found[$0]) }
      if let odd {
        throw .settings(
          key: odd, first: first.name, value: (expected[odd] ?? .null).line, second: other.name,
          other: (found[odd] ?? .null).line)
      }
      let (ours, theirs) = (first.adapter.parameters.specs, other.adapter.parameters.specs)
      if let odd = ours.first(where: { spec in !theirs.contains { $0.id == spec.id && $0.shape == spec.shape } })
        ?? theirs.first(where: { spec in !ours.contains { $0.id == spec.id } })
      {
        throw .tensors(first: first.name, second: other.name, tensor: odd.id)
      }
    }
  }

  /// A setting without those that only affect training, at any depth.
  private static func essential(_ value: JSONValue?) -> JSONValue {
    switch value {
    case .object(let members):
      .object(members.filter { !trainingSettings.contains($0.key) }.mapValues { essential($0) })
    case .array(let elements): .array(elements.map { essential($0) })
    case .integer(let integer): .number(Double(integer))
    case let value: value ?? .null
    }
  }
}

/// Why adapters or heads cannot be combined.
public enum CombinationError: Error, Hashable, Sendable, CustomStringConvertible {
  case nothing
  case count(weights: Int, inputs: [String])
  case weights([Float])
  case notFinite(Float)
  case settings(key: String, first: String, value: String, second: String, other: String)
  case tensors(first: String, second: String, tensor: String)
  case otherTensor(strategy: String, tensor: String)
  case otherMethod(strategy: String, method: String)
  case noRank
  case rankWithoutSVD(strategy: String)
  case rankTooLarge(Int, place: String, inputs: Int, outputs: Int)
  case headStrategy(String)

  public var description: String {
    switch self {
    case .nothing: "There is nothing to combine; name at least one adapter or head."
    case .count(let weights, let inputs):
      "There \(weights == 1 ? "is 1 weight" : "are \(weights) weights") for \(inputs.count) inputs "
        + "(\(inputs.joined(separator: ", "))); each needs one."
    case .weights(let weights):
      "The weights \(weights) sum to 0, so they cannot be divided by their sum. Choose others, or do not normalize them."
    case .notFinite(let weight): "A weight is \(weight); expected a finite number."
    case .settings(let key, let first, let value, let second, let other):
      "'\(first)' and '\(second)' differ in '\(key)': \(value) and \(other). Only adapters of equal settings can be "
        + "combined."
    case .tensors(let first, let second, let tensor):
      "'\(first)' and '\(second)' do not have the same tensors: \(tensor) is in one of them alone, or has other sizes."
    case .otherTensor(let strategy, let tensor):
      "The strategy '\(strategy)' combines lora_A and lora_B alone, but there is also \(tensor). Use 'linear'."
    case .otherMethod(let strategy, let method):
      "The strategy '\(strategy)' is for LoRA, not for \(method). Use 'linear'."
    case .noRank: "The strategy 'svd' needs the rank of the result, such as 8."
    case .rankWithoutSVD(let strategy):
      "A rank is given, but the strategy '\(strategy)' keeps that of its inputs. Leave it out, or use 'svd'."
    case .rankTooLarge(let rank, let place, let inputs, let outputs):
      "The rank \(rank) is more than \(place) has, which is [\(outputs), \(inputs)]."
    case .headStrategy(let strategy): "Heads are combined by 'linear' alone, not by '\(strategy)'."
    }
  }
}
