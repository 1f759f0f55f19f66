public import Tensors

/// The pooler of a base model: act(W h + b) of the first token's hidden state h.
///
/// In `adapters`, a head that uses it gets the whole sequence, which gives logits of a wrong shape; here it gets the
/// first token, like the model's own classifier. Source: transformers, `modeling_deberta_v2.py`, `ContextPooler`.
public struct Pooler: Sendable {
  /// H → H
  public let dense: Linear
  public let activation: Activation
  /// Dropout on the hidden state, in training.
  public let dropout: Float

  public init(_ dense: Linear, _ activation: Activation, dropout: Float = 0) {
    self.dense = dense
    self.activation = activation
    self.dropout = dropout
  }

  /// x [sequences, H] → [sequences, H]
  func callAsFunction(_ x: Tensor, on pass: Pass) -> Tensor {
    let y = pass.linear(pass.dropped(x, dropout), dense)
    pass.activate(y, activation)
    return y
  }
}
