internal import Checkpoints
internal import Tensors

/// One layer: attention and feed-forward, each with its residual and norm.
///
/// Every place where a layer can be adapted is named in this body or in that of `SelfAttention`.
struct EncoderLayer: Sendable {
  var attention: SelfAttention
  var attentionOutput: Linear
  var attentionNorm: LayerNorm
  var up, down: Linear
  var outputNorm: LayerNorm
  let activation: Activation
  let dropout: Float

  /// - Parameter positions: the encoder's relative positions [2 · span, H], normalized.
  init(_ reader: PlaceReader, layer: Int, positions: Tensor?) throws(CheckpointError) {
    attention = try SelfAttention(reader, layer: layer, positions: positions)
    attentionOutput = try reader.linear(.attentionOutput, layer: layer)
    attentionNorm = try reader.norm(.attentionNorm(layer: layer))
    up = try reader.linear(.up, layer: layer)
    down = try reader.linear(.down, layer: layer)
    outputNorm = try reader.norm(.outputNorm(layer: layer))
    activation = reader.shape.activation
    dropout = reader.shape.hiddenDropout
  }

  /// x [T, H] → [T, H]
  func callAsFunction(_ x: Tensor, _ batch: Batch, _ distances: DistanceTable?, _ at: Sites) -> Tensor {
    self(x, queries: Queries(states: x, batch: batch, at: at), batch, distances, at)
  }

  /// x [T, H] → [queries, H]
  ///
  /// - Parameter queries: the states that attend to x; residual, output and feed-forward are computed for these alone.
  func callAsFunction(
    _ x: Tensor, queries: Queries, _ batch: Batch, _ distances: DistanceTable?, _ sites: Sites
  ) -> Tensor {
    let context = attention(x, queries: queries, batch, distances, sites)
    let at = queries.at
    let attended = at.project(.attentionOutput, attentionOutput, context)
    at.pass.dropout(attended, dropout)
    let h = at.join(\.afterAttention, attended, residual: queries.states, attentionNorm, own: \.attentionNorm)
    let f = at.inBlocks(h, unlessHookedAt: [.up, .down]) { h in
      at.project(.down, down, at.project(.up, up, h, then: activation))
    }
    at.pass.dropout(f, dropout)
    return at.edit(at.join(\.afterFeedForward, f, residual: h, outputNorm, own: \.outputNorm))
  }

  /// The linear layer of a place that every encoder of this family has.
  subscript(place: ProjectionPlace) -> Linear {
    get {
      switch place {
      case .query, .key, .value, .queryKeyValue:
        guard let linear = attention.projections[place] else {
          preconditionFailure("this encoder has no linear layer '\(place)'")
        }
        return linear
      case .attentionOutput: return attentionOutput
      case .up: return up
      case .down: return down
      }
    }
    set {
      switch place {
      case .query, .key, .value, .queryKeyValue: attention.projections[place] = newValue
      case .attentionOutput: attentionOutput = newValue
      case .up: up = newValue
      case .down: down = newValue
      }
    }
  }
}
