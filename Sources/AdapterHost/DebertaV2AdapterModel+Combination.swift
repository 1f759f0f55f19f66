public import AdapterMethods
internal import Heads

extension DebertaV2AdapterModel {
  /// Adds an adapter that is made of loaded ones of equal settings.
  ///
  ///     try model.averageAdapter("mean", of: ["a", "b"], WeightedCombination(weights: [0.7, 0.3]))
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - names: loaded adapters, in the order of the weights.
  ///   - combination: how they are combined; by default the mean of every tensor.
  ///   - overwrite: replaces an adapter of this name, which may be one of those that are combined.
  ///   - setActive: makes it the active adapter.
  /// - Throws: `CombinationError`, `CompositionError.unknownAdapter`, `ModelError.exists`; the model is unchanged then.
  public mutating func averageAdapter(
    _ name: String, of names: [String], _ combination: WeightedCombination = WeightedCombination(),
    overwrite: Bool = false, setActive: Bool = false
  ) throws {
    if !overwrite, adapter(name) != nil { throw ModelError.exists(kind: "adapter", name: name) }
    let inputs = try names.map { name in
      guard let adapter = adapter(name) else { throw unknown(adapter: name) }
      return (name: name, adapter: adapter)
    }
    try replaceAdapter(name, combination(inputs, for: configuration))
    if setActive { try setActiveAdapters(.adapter(name)) }
  }

  /// Adds a head whose tensors are the weighted mean of those of heads of equal settings.
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - names: heads, in the order of the weights.
  ///   - weights: one for each head; nil: all alike.
  ///   - normalizesWeights: whether the weights are divided by their sum.
  ///   - overwrite: replaces a head of this name.
  /// - Throws: `CombinationError`, `HeadAverageError`, `ModelError`; the model is unchanged then.
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

  /// Turns a prefix that two layers make into its flat form, which acts the same.
  ///
  /// - Throws: `EjectionError`, if the adapter has no such prefix.
  public mutating func ejectPrefixTuning(_ name: String) throws {
    guard let adapter = adapter(name) else { throw unknown(adapter: name) }
    try replaceAdapter(name, adapter.ejectingPrefix(for: configuration))
  }
}
