internal import Tensors

/// States that look at a layer's input.
struct Queries {
  /// [queries, H]
  let states: Tensor
  /// Of each sequence of the input all tokens, or the first ones.
  let batch: Batch
  /// Where they are adapted.
  let at: Sites
}
