public import AdapterMethods
internal import Heads

extension DebertaV2AdapterModel {
  /// Adds an adapter that combines loaded ones with equal settings.
  ///
  ///     try model.averageAdapter("mean", of: ["a", "b"], WeightedCombination(weights: [0.7, 0.3]))
  ///
  /// - Parameters:
  ///   - name: the new adapter's name.
  ///   - names: loaded adapters, in the order of the weights.
  ///   - combination: how to combine them; by default the mean of every tensor.
  ///   - overwrite: whether to replace an adapter with this name, which may be one of the inputs.
  ///   - setActive: whether to make it the active adapter.
  /// - Throws: `CombinationError`, `CompositionError.unknownAdapter`, `ModelError.exists`; the model is then unchanged.
  public mutating func averageAdapter(
    _ name: String, of names: [String], _ combination: WeightedCombination = WeightedCombination(),
    overwrite: Bool = false, setActive: Bool = false
  ) throws {
    if !overwrite, adapter(name) != nil { throw ModelError.exists(kind: "adapter", name: name) }
    try replaceAdapter(name, combination(loaded(names), for: configuration))
    if setActive { try setActiveAdapters(.adapter(name)) }
  }

  /// Adds a head that is the weighted mean of heads with equal settings.
  ///
  /// - Parameters:
  ///   - name: the new head's name.
  ///   - names: heads, in the order of the weights.
  ///   - weights: one per head; nil: equal weights.
  ///   - normalizesWeights: whether to divide the weights by their sum.
  ///   - overwrite: whether to replace a head with this name.
  /// - Throws: `CombinationError`, `HeadAverageError`, `ModelError`; the model is then unchanged.
  public mutating func averageHead(
    _ name: String, of names: [String], weights: [Float]? = nil, normalizesWeights: Bool = true, overwrite: Bool = false
  ) throws {
    if !overwrite, head(name) != nil { throw ModelError.exists(kind: "head", name: name) }
    let combination = WeightedCombination(weights: weights, normalizesWeights: normalizesWeights)
    let shares = try combination.weights(of: names)
    let inputs = try zip(names, shares).map { name, weight in
      guard let head = head(name) else { throw unknown(head: name) }
      return (name: name, head: head, weight: weight)
    }
    replaceHead(
      name,
      try PredictionHead.sum(
        inputs, hiddenSize: configuration.hiddenSize, layerNormEps: configuration.layerNormEps,
        tiedTo: headReader.tiesWords ? baseEncoder.wordEmbeddings : nil, compute))
  }

  /// Converts a prefix computed by two layers into its flat form, which is equivalent.
  ///
  /// - Throws: `EjectionError`, if the adapter has no such prefix.
  public mutating func ejectPrefixTuning(_ name: String) throws {
    guard let adapter = adapter(name) else { throw unknown(adapter: name) }
    try replaceAdapter(name, adapter.ejectingPrefix(for: configuration))
  }
}
