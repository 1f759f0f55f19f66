public import Tensors

extension EncoderHooks {
  /// The hook on a linear layer or convolution.
  public subscript(linear place: EncoderPlace) -> (any ProjectionHook)? {
    get {
      switch place {
      case .projection(let projection, let layer): layers[layer][projection]
      case .positionKey(let layer): layers[layer].positionKey
      case .positionQuery(let layer): layers[layer].positionQuery
      case .embeddingProjection: embeddings.projection
      case .convolution: convolution.outputs
      default: nil
      }
    }
    set {
      switch place {
      case .projection(let projection, let layer): layers[layer][projection] = newValue
      case .positionKey(let layer): layers[layer].positionKey = newValue
      case .positionQuery(let layer): layers[layer].positionQuery = newValue
      case .embeddingProjection: embeddings.projection = newValue
      case .convolution: convolution.outputs = newValue
      default: preconditionFailure("\(place) is no linear layer")
      }
    }
  }

  /// The replacement for a norm.
  public subscript(norm place: EncoderPlace) -> LayerNorm? {
    get {
      switch place {
      case .embeddingNorm: embeddings.norm
      case .relativeNorm: relativePositions.norm
      case .attentionNorm(let layer): layers[layer].attentionNorm
      case .outputNorm(let layer): layers[layer].outputNorm
      case .convolutionNorm: convolution.norm
      default: nil
      }
    }
    set {
      switch place {
      case .embeddingNorm: embeddings.norm = newValue
      case .relativeNorm: relativePositions.norm = newValue
      case .attentionNorm(let layer): layers[layer].attentionNorm = newValue
      case .outputNorm(let layer): layers[layer].outputNorm = newValue
      case .convolutionNorm: convolution.norm = newValue
      default: preconditionFailure("\(place) is no norm")
      }
    }
  }

  /// The hook on an embedding table.
  public subscript(table place: EncoderPlace) -> (any TableHook)? {
    get {
      switch place {
      case .wordEmbeddings: embeddings.words
      case .positionEmbeddings: embeddings.positions
      case .tokenTypeEmbeddings: embeddings.types
      case .relativePositions: relativePositions.table
      default: nil
      }
    }
    set {
      switch place {
      case .wordEmbeddings: embeddings.words = newValue
      case .positionEmbeddings: embeddings.positions = newValue
      case .tokenTypeEmbeddings: embeddings.types = newValue
      case .relativePositions: relativePositions.table = newValue
      default: preconditionFailure("\(place) is no table")
      }
    }
  }
}
