public import AdapterMethods

extension DebertaV2AdapterModel {
  /// Adds an adapter that combines loaded ones like PEFT's `add_weighted_adapter`.
  ///
  /// - Parameters:
  ///   - name: the new adapter's name.
  ///   - names: loaded adapters, in the order of the weights.
  ///   - combination: how to combine them.
  ///   - overwrite: whether to replace an adapter with this name.
  /// - Throws: `PeftCombinationError`, `CompositionError.unknownAdapter`, `ModelError.exists`; the model is then
  ///   unchanged.
  public mutating func addWeightedAdapter(
    _ name: String, of names: [String], _ combination: PeftCombination, overwrite: Bool = false
  ) throws {
    if !overwrite, adapter(name) != nil { throw ModelError.exists(kind: "adapter", name: name) }
    try replaceAdapter(name, combination(loaded(names), for: configuration))
  }
}
