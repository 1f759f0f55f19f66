internal import Checkpoints
internal import Tensors

/// Token ids to hidden states: word, position and type embeddings, projection, layer norm.
struct Embeddings: Sendable {
  /// [vocabulary, E]
  var words: WeightMatrix
  /// [positions, E], if the model adds absolute positions.
  var positions: Tensor?
  /// [types, E]
  var types: Tensor?
  /// E → H, if they differ.
  var projection: Linear?
  var norm: LayerNorm
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
  ///
  /// - Parameter groups: together they cover all tokens of the batch.
  func callAsFunction(_ batch: Batch, _ groups: [BatchGroup], on pass: Pass) -> Tensor {
    var x = pass.tensor(rows: batch.tokenCount, columns: words.columns)
    let ids = batch.sequences.flatMap { $0.ids.map(Int.init) }
    for first in stride(from: 0, to: ids.count, by: 256) {
      let block = first..<min(first + 256, ids.count)
      pass.copy(pass.gather(words, rows: Array(ids[block])), into: x.rows(block))
      // The system maps pages around every row that is read; a long text would keep most of the table in memory.
      if ids.count > 256 { words.releasePages() }
    }
    adapt(x, rows: ids, \.words, groups, on: pass)
    for (index, sequence) in batch.sequences.enumerated() {
      guard let own = sequence.embeddings else { continue }
      // A word prompt is inserted among the tokens and shifts those after it.
      let (rows, prompt) = (batch.tokens(of: index), sequence.prompt)
      pass.copy(own.rows(0..<prompt.lowerBound), into: x.rows(rows.lowerBound..<rows.lowerBound + prompt.lowerBound))
      pass.copy(
        own.rows(prompt.lowerBound..<own.rows), into: x.rows(rows.lowerBound + prompt.upperBound..<rows.upperBound))
    }
    place(prompts: groups, of: batch, in: x, on: pass)
    if let positions {
      let rows = batch.sequences.flatMap { $0.positionIDs.map { $0.map(Int.init) } ?? $0.columns }
      let own = pass.gather(positions, rows: rows)
      adapt(own, rows: rows, \.positions, groups, on: pass)
      pass.add(own, to: x)
    }
    if let types {
      let rows = batch.sequences.flatMap { $0.tokenTypes.map(Int.init) }
      let own = pass.gather(types, rows: rows)
      adapt(own, rows: rows, \.types, groups, on: pass)
      pass.add(own, to: x)
    }
    if let projection {
      let y = pass.linear(x, projection)
      for group in groups {
        group.embeddings.projection?.adapt(
          y.rows(group.tokens), input: x.rows(group.tokens), at: Site(layer: -1, segment: group.segment), on: pass)
      }
      x = y
    }
    if groups.contains(where: { $0.embeddings.norm != nil }) {
      for group in groups {
        let own = x.rows(group.tokens)
        pass.norm(own, group.embeddings.norm ?? norm, into: own)
      }
    } else {
      pass.norm(x, norm, into: x)
    }
    pass.dropout(x, dropout)
    return x
  }

  /// Applies each group's table hook to the rows of its tokens.
  private func adapt(
    _ x: Tensor, rows: [Int], _ place: KeyPath<EmbeddingHooks, (any TableHook)?>, _ groups: [BatchGroup],
    on pass: Pass
  ) {
    for group in groups {
      guard let hook = group.embeddings[keyPath: place] else { continue }
      hook.adapt(x.rows(group.tokens), rows: Array(rows[group.tokens]), on: pass)
    }
  }

  /// Writes word prompts at the places reserved in the batch.
  private func place(prompts groups: [BatchGroup], of batch: Batch, in x: Tensor, on pass: Pass) {
    for group in groups {
      guard let prompt = group.bound.hooks.prompt, prompt.stage == .words else { continue }
      for sequence in group.segment.sequences {
        let (first, own) = (batch.tokens(of: sequence).lowerBound, batch.sequences[sequence].prompt)
        guard !own.isEmpty else { continue }
        pass.copy(prompt.embeddings, into: x.rows(first + own.lowerBound..<first + own.upperBound))
      }
    }
  }
}

extension BatchGroup {
  fileprivate var embeddings: EmbeddingHooks { bound.hooks.embeddings }
}
