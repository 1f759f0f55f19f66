public import Tensors

extension Encoder {
  /// The word embeddings [vocabulary, E]; tied decoders share their memory.
  public var wordEmbeddings: WeightMatrix { embeddings.words }

  /// The hidden states from which Microsoft's enhanced mask decoder predicts words, [T, H].
  ///
  /// Such a model learns absolute positions, but no layer sees them. They are added to the input of the last layer,
  /// which runs again with these states as queries; keys and values stay:
  ///
  ///     q₀ = h + P        qᵢ = layer(h, queries: qᵢ₋₁)
  ///
  /// The last layer keeps its adapters; nothing is traced.
  ///
  /// Source: Microsoft, `masked_language_model.py`, `EnhancedMaskDecoder.emd_context_layer`.
  /// - Parameters:
  ///   - encoded: the result of the pass.
  ///   - plan: the plan of that pass.
  ///   - positions: P, [positions, H], with at least one row per position of the batch.
  ///   - iterations: the number of runs of the layer; Microsoft's models were trained with 2.
  ///   - pass: the kernels and threads.
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
