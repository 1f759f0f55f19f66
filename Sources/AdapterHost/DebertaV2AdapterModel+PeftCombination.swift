public import AdapterMethods

extension DebertaV2AdapterModel {
  /// Adds an adapter that is made of loaded ones as PEFT's `add_weighted_adapter` makes it.
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - names: loaded adapters, in the order of the weights.
  ///   - combination: how they are combined.
  ///   - overwrite: replaces an adapter of this name.
  /// - Throws: `PeftCombinationError`, `CompositionError.unknownAdapter`, `ModelError.exists`; the model is unchanged
  ///   then.
  public mutating func addWeightedAdapter(
    _ name: String, of names: [String], _ combination: PeftCombination, overwrite: Bool = false
  ) throws {
    if !overwrite, adapter(name) != nil { throw ModelError.exists(kind: "adapter", name: name) }
    let inputs = try names.map { name in
      guard let adapter = adapter(name) else { throw unknown(adapter: name) }
      return (name: name, adapter: adapter)
    }
    try replaceAdapter(name, combination(inputs, for: configuration))
  }
}
