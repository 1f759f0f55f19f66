internal import Checkpoints
internal import Tensors

/// Token ids to hidden states: word, position and type embeddings, projection, layer norm.
struct Embeddings: Sendable {
  /// [vocabulary, E]
  var words: WeightMatrix
  /// [positions, E], where the model adds absolute positions.
  let positions: Tensor?
  /// [types, E]
  let types: Tensor?
  /// E → H, where the two differ.
  let projection: Linear?
  let norm: LayerNorm
  let dropout: Float

  init(_ reader: PlaceReader) throws(CheckpointError) {
    let shape = reader.shape
    words = try reader.weights[EncoderPlace.wordEmbeddings.path(in: shape.family)]
      .weight("weight", [shape.vocabularySize, shape.embeddingSize])
    positions = try reader.table(.positionEmbeddings)
    types = try reader.table(.tokenTypeEmbeddings)
    projection = try reader.linear(.embeddingProjection)
    norm = try reader.norm(.embeddingNorm)
    dropout = shape.hiddenDropout
  }

  /// [T, H]
  func callAsFunction(_ batch: Batch, on pass: Pass) -> Tensor {
    var x = pass.tensor(rows: batch.tokenCount, columns: words.columns)
    let ids = batch.sequences.flatMap { $0.ids.map(Int.init) }
    for first in stride(from: 0, to: ids.count, by: 256) {
      let block = first..<min(first + 256, ids.count)
      pass.copy(pass.gather(words, rows: Array(ids[block])), into: x.rows(block))
      // The system maps pages around every row that is read; a long text would keep most of the table in memory.
      if ids.count > 256 { words.releasePages() }
    }
    for (index, sequence) in batch.sequences.enumerated() {
      if let own = sequence.embeddings { pass.copy(own, into: x.rows(batch.tokens(of: index))) }
    }
    if let positions {
      let own = batch.sequences.flatMap { $0.positionIDs.map { $0.map(Int.init) } ?? $0.columns }
      pass.add(pass.gather(positions, rows: own), to: x)
    }
    if let types {
      pass.add(pass.gather(types, rows: batch.sequences.flatMap { $0.tokenTypes.map(Int.init) }), to: x)
    }
    if let projection { x = pass.linear(x, projection) }
    pass.norm(x, norm, into: x)
    pass.dropout(x, dropout)
    return x
  }
}
