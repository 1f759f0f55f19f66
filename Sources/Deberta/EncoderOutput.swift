public import Tensors

/// What a pass through an encoder gives.
public struct EncoderOutput: Sendable {
  /// The last layer's hidden states of the tokens of `batch`, [T, H].
  public let hidden: Tensor
  /// The hidden states that the last layer read, [T, H].
  let lastInput: Tensor
  /// The rows of the plan, in its order, with their prompts; of each its first token, where no more was asked.
  public let batch: Batch
}
