public import Tensors

/// The result of a pass through an encoder.
public struct EncoderOutput: Sendable {
  /// The last layer's hidden states of the tokens of `batch`, [T, H].
  public let hidden: Tensor
  /// The input of the last layer, [T, H].
  let lastInput: Tensor
  /// The plan's rows, in its order, with their prompts; only their first tokens if no others were requested.
  public let batch: Batch
}
