internal import Tensors

/// States that attend to a layer's input.
struct Queries {
  /// [queries, H]
  let states: Tensor
  /// All tokens of each input sequence, or only the first ones.
  let batch: Batch
  /// Their hook sites.
  let at: Sites
}
