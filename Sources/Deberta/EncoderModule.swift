public import Tensors

/// The weights of one place of an encoder.
public enum EncoderModule: Sendable {
  case table(WeightMatrix)
  case linear(Linear)
  case norm(LayerNorm)
  /// The bias [1, outputs] of a convolution.
  case bias(Tensor)
}

extension Encoder {
  /// A linear layer.
  public func linear(_ place: ProjectionPlace, layer: Int) -> Linear { layers[layer][place] }

  /// The weights of a place; nil if the encoder has no such place, and for vectors and head mixing weights.
  public func module(_ place: EncoderPlace) -> EncoderModule? {
    let pass = Pass(compute)
    switch place {
    case .wordEmbeddings: return .table(embeddings.words)
    case .positionEmbeddings: return embeddings.positions.map { .table(WeightMatrix($0)) }
    case .tokenTypeEmbeddings: return embeddings.types.map { .table(WeightMatrix($0)) }
    case .embeddingProjection: return embeddings.projection.map { .linear($0) }
    case .embeddingNorm: return .norm(embeddings.norm)
    case .relativePositions: return relative.map { .table(WeightMatrix($0.rows)) }
    case .relativeNorm: return relativeNorm.map { .norm($0) }
    case .projection(let projection, let layer): return .linear(layers[layer][projection])
    case .positionKey(let layer): return layers[layer].attention.positionKey.map { .linear($0.packed(on: pass)) }
    case .positionQuery(let layer): return layers[layer].attention.positionQuery.map { .linear($0.packed(on: pass)) }
    case .attentionNorm(let layer): return .norm(layers[layer].attentionNorm)
    case .outputNorm(let layer): return .norm(layers[layer].outputNorm)
    case .convolution: return convolution.map { .bias($0.bias(on: pass)) }
    case .queryBias, .valueBias, .headLogits, .headWeights: return nil
    case .convolutionNorm: return convolution.map { .norm($0.norm) }
    }
  }

  /// The bias of a place, [1, outputs]; nil if there is none.
  public func bias(_ place: EncoderPlace) -> Tensor? {
    switch place {
    case .queryBias(let layer):
      return layers[layer].attention.projections.bias(ofPart: 0, heads: configuration.headCount)
    case .valueBias(let layer):
      return layers[layer].attention.projections.bias(ofPart: 2, heads: configuration.headCount)
    default: break
    }
    switch module(place) {
    case .linear(let linear): return linear.bias
    case .norm(let norm): return norm.bias
    case .bias(let bias): return bias
    case .table, nil: return nil
    }
  }

  /// This encoder with some linear layers replaced, sharing everything else.
  ///
  /// Position tables follow a replaced query or key projection if the model shares projections.
  public func replacing(_ linears: [(place: ProjectionPlace, layer: Int, linear: Linear)]) -> Encoder {
    replacing(linears.map { (.projection($0.place, layer: $0.layer), .linear($0.linear)) })
  }

  /// This encoder with some modules replaced, sharing everything else.
  ///
  /// Position tables follow the relative positions and their projections.
  public func replacing(_ modules: [(place: EncoderPlace, module: EncoderModule)]) -> Encoder {
    var encoder = self
    var (projected, all) = (Set<Int>(), false)
    for (place, module) in modules {
      encoder.set(place, module)
      switch place {
      case .relativePositions, .relativeNorm: all = true
      case .projection(.query, let layer), .projection(.key, let layer), .positionKey(let layer),
        .positionQuery(let layer):
        projected.insert(layer)
      default: break
      }
    }
    for layer in encoder.layers.indices where all || projected.contains(layer) { encoder.projectPositions(layer) }
    return encoder
  }

  private mutating func set(_ place: EncoderPlace, _ module: EncoderModule) {
    let pass = Pass(compute)
    switch (place, module) {
    case (.wordEmbeddings, .table(let table)): embeddings.words = table
    case (.positionEmbeddings, .table(let table)): embeddings.positions = table.widened(compute)
    case (.tokenTypeEmbeddings, .table(let table)): embeddings.types = table.widened(compute)
    case (.embeddingProjection, .linear(let linear)): embeddings.projection = linear
    case (.embeddingNorm, .norm(let norm)): embeddings.norm = norm
    case (.relativePositions, .table(let table)):
      relative = RelativeTable(table.widened(compute), relative?.norm, on: pass)
    case (.relativeNorm, .norm(let norm)):
      relativeNorm = norm
      relative = relative.map { RelativeTable($0.rows, norm, on: pass) }
    case (.projection(let projection, let layer), .linear(let linear)): layers[layer][projection] = linear
    case (.positionKey(let layer), .linear(let linear)):
      layers[layer].attention.positionKey = StoredLinear(linear, compute)
    case (.positionQuery(let layer), .linear(let linear)):
      layers[layer].attention.positionQuery = StoredLinear(linear, compute)
    case (.attentionNorm(let layer), .norm(let norm)): layers[layer].attentionNorm = norm
    case (.outputNorm(let layer), .norm(let norm)): layers[layer].outputNorm = norm
    case (.convolution, .bias(let bias)): convolution = convolution?.with(bias: bias)
    case (.convolutionNorm, .norm(let norm)): convolution?.norm = norm
    default: preconditionFailure("\(place) holds no such module")
    }
  }

  /// Recomputes a layer's position tables from the current relative positions and projections.
  private mutating func projectPositions(_ layer: Int) {
    guard let positions = relative?.normalized else { return }
    let pass = Pass(compute)
    let attention = layers[layer].attention
    if let table = attention.keyTable {
      let projection = attention.positionKey?.packed(on: pass) ?? attention.projections[.key]
      layers[layer].attention.keyTable = projection.map { attention.table($0, positions, table.kind, on: pass) }
    }
    if let table = attention.queryTable {
      let projection = attention.positionQuery?.packed(on: pass) ?? attention.projections[.query]
      layers[layer].attention.queryTable = projection.map { attention.table($0, positions, table.kind, on: pass) }
    }
  }
}

extension StoredLinear {
  fileprivate init(_ linear: Linear, _ compute: Compute) {
    self.init(weight: WeightMatrix(compute.unpacked(linear.weight)), bias: linear.bias)
  }
}
