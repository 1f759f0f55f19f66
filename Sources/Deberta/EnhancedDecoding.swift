public import Tensors

extension Encoder {
  /// The word embeddings [vocabulary, E]; decoders of words share their memory.
  public var wordEmbeddings: WeightMatrix { embeddings.words }

  /// The hidden states that Microsoft's enhanced mask decoder predicts words from, [T, H].
  ///
  /// Such a model learns absolute positions, but none of its layers sees
  /// them. They are added to what the last layer read, and the last layer
  /// runs again with these states as queries; keys and values stay:
  ///
  ///     q₀ = h + P        qᵢ = layer(h, queries: qᵢ₋₁)
  ///
  /// Adapters act on the last layer as they did in the pass; nothing is traced.
  ///
  /// Source: Microsoft, `masked_language_model.py`, `EnhancedMaskDecoder.emd_context_layer`.
  /// - Parameters:
  ///   - encoded: what a pass gave.
  ///   - plan: that of the pass.
  ///   - positions: P, [positions, H], a row for each position of the batch and more.
  ///   - iterations: how often the layer runs; Microsoft's models were trained with 2.
  ///   - pass: what it computes with.
  public func enhanced(
    _ encoded: EncoderOutput, _ plan: AdapterPlan, positions: Tensor, iterations: Int = 2, on pass: Pass
  ) -> Tensor {
    let (input, batch) = (encoded.lastInput, encoded.batch)
    precondition(
      input.rows == batch.tokenCount, "\(input.rows) rows of a pass that was asked for \(batch.tokenCount) tokens")
    guard let layer = layers.last, input.rows > 0 else { return encoded.hidden }
    let pass = Pass(pass.compute, tape: pass.tape)
    let distances = configuration.relativePositions.map { DistanceTable($0, farthest: batch.farthest) }
    let sites = Sites(layer: layers.count - 1, groups: groups(plan, of: batch), pass: pass)
    var queries = pass.gather(positions, rows: batch.sequences.flatMap(\.columns))
    pass.add(input, to: queries)
    for _ in 0..<iterations {
      queries = layer(input, queries: Queries(states: queries, batch: batch, at: sites), batch, distances, sites)
    }
    return queries
  }
}
