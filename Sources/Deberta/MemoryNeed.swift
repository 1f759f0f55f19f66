public import Tensors

extension Encoder {
  /// Checks that a batch fits into memory before anything is computed.
  ///
  /// Only what is certainly held at once is counted, so nothing that fits is refused: for T tokens of width H, the
  /// states, keys and values of one layer (3 T H). On a tape, every layer above the lowest trained place except the
  /// last keeps queries, keys, values and states (4 T H) and its attention (heads x the sum of squared lengths), or, if
  /// it is recomputed, only its input (T H).
  ///
  /// - Throws: `MemoryError`.
  public func requireMemory(for batch: Batch, _ plan: AdapterPlan, on pass: Pass) throws(MemoryError) {
    let lengths = plan.sources.map { Double(batch.tokens(of: $0).count) }
    let tokens = lengths.reduce(0, +)
    let states = tokens * Double(configuration.hiddenSize)
    var floats = 3 * states
    if pass.tape != nil {
      let kept = Double(max(0, configuration.layerCount - plan.unhookedLayers - 1))
      let attention = Double(configuration.headCount) * lengths.reduce(0) { $0 + $1 * $1 }
      floats += kept * (pass.recomputes ? states : 4 * states + attention)
    }
    try pass.compute.requireMemory(
      floats: floats,
      for: "a batch of \(Int(tokens)) tokens (make batches smaller, or cut long texts with a maximum length)")
  }
}
