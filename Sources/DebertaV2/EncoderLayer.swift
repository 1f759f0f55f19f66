internal import Checkpoints
internal import Tensors

/// One layer: attention and feed-forward, each with its residual and norm.
///
/// Every place where a layer can be adapted is named in this body or in
/// `SelfAttention`'s.
struct EncoderLayer: Sendable {
  var attention: SelfAttention
  var attentionOutput: Linear
  let attentionNorm: LayerNorm
  var up, down: Linear
  let outputNorm: LayerNorm
  let activation: Activation
  let dropout: Float

  /// - Parameter positions: the encoder's relative positions [2 · span, H], normalised.
  init(_ weights: WeightReader, _ shape: DebertaV2Configuration, positions: Tensor?) throws(CheckpointError) {
    let (hidden, eps) = (shape.hiddenSize, shape.layerNormEps)
    let output = weights["attention.output"]
    attention = try SelfAttention(weights["attention.self"], shape, positions: positions)
    attentionOutput = try output["dense"].linear(in: shape.headCount * shape.headSize, out: hidden)
    attentionNorm = try output["LayerNorm"].layerNorm(hidden, eps: eps)
    up = try weights["intermediate.dense"].linear(in: hidden, out: shape.intermediateSize)
    down = try weights["output.dense"].linear(in: shape.intermediateSize, out: hidden)
    outputNorm = try weights["output.LayerNorm"].layerNorm(hidden, eps: eps)
    activation = shape.activation
    dropout = shape.hiddenDropout
  }

  /// x [T, H] → [T, H]
  ///
  /// - Parameter queries: states [T, H] that look at x instead of x itself; the residual is theirs.
  func callAsFunction(
    _ x: Tensor, queries: Tensor? = nil, _ batch: Batch, _ distances: DistanceTable?, _ at: Sites
  ) -> Tensor {
    let attended = at.project(.attentionOutput, attentionOutput, attention(x, queries: queries, batch, distances, at))
    at.pass.dropout(attended, dropout)
    let h = at.join(\.afterAttention, attended, residual: queries ?? x, attentionNorm)
    let f = at.inBlocks(h, unlessHookedAt: [.up, .down]) { h in
      at.project(.down, down, at.project(.up, up, h, then: activation))
    }
    at.pass.dropout(f, dropout)
    return at.edit(at.join(\.afterFeedForward, f, residual: h, outputNorm))
  }

  subscript(place: ProjectionPlace) -> Linear {
    get {
      switch place {
      case .query: attention.query
      case .key: attention.key
      case .value: attention.value
      case .attentionOutput: attentionOutput
      case .up: up
      case .down: down
      }
    }
    set {
      switch place {
      case .query: attention.query = newValue
      case .key: attention.key = newValue
      case .value: attention.value = newValue
      case .attentionOutput: attentionOutput = newValue
      case .up: up = newValue
      case .down: down = newValue
      }
    }
  }
}
