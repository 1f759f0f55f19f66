internal import Checkpoints
public import Tensors

// The decoder of a masked language model usually shares the table of word embeddings.

extension PredictionHead {
  /// The decoder of a masked language model, [vocabulary, E]; nil for other heads.
  public var decoderWeight: WeightMatrix? {
    if case .decoder(let decoder)? = modules.last?.module { decoder.weight } else { nil }
  }

  /// The name of the decoder's tensor, if its values equal the word embeddings.
  public func tiedTensor(to words: WeightMatrix, _ compute: Compute) -> String? {
    guard case (let index, .decoder(let decoder))? = modules.last, decoder.weight.rows == words.rows,
      decoder.weight.columns == words.columns, decoder.weight.hasValues(of: words, compute.kernels)
    else { return nil }
    return "\(index).weight"
  }

  /// The head with the word embeddings as its decoder.
  ///
  /// Existing words keep their bias; that of new ones is 0.
  ///
  /// - Returns: nil for a head without a decoder, or with one of a different width.
  public func tied(to words: WeightMatrix) -> PredictionHead? {
    guard case (let index, .decoder(let decoder))? = modules.last, decoder.weight.columns == words.columns
    else { return nil }
    let bias = decoder.bias.map { old in
      let values = (0..<words.rows).map { $0 < old.columns ? old.array[$0] : 0 }
      return Tensor(values, rows: 1, columns: words.rows)
    }
    return PredictionHead(
      self, settings.resized(vocabulary: words.rows),
      modules.dropLast() + [(index, .decoder(Decoder(weight: words, bias: bias)))])
  }
}
