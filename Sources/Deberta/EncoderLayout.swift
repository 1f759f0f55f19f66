public import Checkpoints
public import Tensors

/// A module of an encoder that has tensors.
public enum EncoderPlace: Sendable, Hashable {
  case wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings
  /// From the width of the embeddings to the hidden size.
  case embeddingProjection
  case embeddingNorm
  /// The table of relative positions, and its norm.
  case relativePositions, relativeNorm
  case projection(ProjectionPlace, layer: Int)
  /// What v1 adds to queries and values, after its fused projection and whatever adapts that.
  case queryBias(layer: Int)
  case valueBias(layer: Int)
  /// What projects the relative positions of a layer, where it does not share its own key and query for that.
  case positionKey(layer: Int)
  case positionQuery(layer: Int)
  case attentionNorm(layer: Int)
  case outputNorm(layer: Int)
  /// What mixes the heads' scores before the softmax, and their probabilities after it.
  case headLogits(layer: Int)
  case headWeights(layer: Int)
  case convolution, convolutionNorm
}

extension EncoderPlace {
  /// What a place holds, with its sizes.
  public enum Kind: Sendable, Hashable {
    /// `weight` [rows, columns]
    case table(rows: Int, columns: Int)
    /// `weight` [outputs, inputs] and mostly `bias` [outputs]
    case linear(inputs: Int, outputs: Int, hasBias: Bool = true)
    /// `weight` and `bias` [size]
    case norm(size: Int)
    /// [size], by the place's own name
    case vector(size: Int)
    /// `weight` [outputs, inputs, taps] and `bias` [outputs]
    case convolution(outputs: Int, inputs: Int, taps: Int)

    /// The tensors of a place of this kind.
    public var tensors: [(suffix: String, shape: [Int])] {
      switch self {
      case .table(let rows, let columns): [(".weight", [rows, columns])]
      case .linear(let inputs, let outputs, let hasBias):
        [(".weight", [outputs, inputs])] + (hasBias ? [(".bias", [outputs])] : [])
      case .norm(let size): [(".weight", [size]), (".bias", [size])]
      case .vector(let size): [("", [size])]
      case .convolution(let outputs, let inputs, let taps):
        [(".weight", [outputs, inputs, taps]), (".bias", [outputs])]
      }
    }
  }

  /// The name of a module or vector in a checkpoint of a family, below `deberta.`
  public func path(in family: ModelFamily) -> String {
    func attention(_ layer: Int, _ name: String) -> String { "\(Self.path(layer: layer)).attention.self.\(name)" }
    return switch self {
    case .wordEmbeddings: "embeddings.word_embeddings"
    case .positionEmbeddings: "embeddings.position_embeddings"
    case .tokenTypeEmbeddings: "embeddings.token_type_embeddings"
    case .embeddingProjection: "embeddings.embed_proj"
    case .embeddingNorm: "embeddings.LayerNorm"
    case .relativePositions: "encoder.rel_embeddings"
    case .relativeNorm: "encoder.LayerNorm"
    case .projection(let place, let layer): place.path(layer: layer)
    case .queryBias(let layer): attention(layer, "q_bias")
    case .valueBias(let layer): attention(layer, "v_bias")
    case .positionKey(let layer): attention(layer, family == .v1 ? "pos_proj" : "pos_key_proj")
    case .positionQuery(let layer): attention(layer, family == .v1 ? "pos_q_proj" : "pos_query_proj")
    case .headLogits(let layer): attention(layer, "head_logits_proj")
    case .headWeights(let layer): attention(layer, "head_weights_proj")
    case .attentionNorm(let layer): "\(Self.path(layer: layer)).attention.output.LayerNorm"
    case .outputNorm(let layer): "\(Self.path(layer: layer)).output.LayerNorm"
    case .convolution: "encoder.conv.conv"
    case .convolutionNorm: "encoder.conv.LayerNorm"
    }
  }

  /// A layer's name in a checkpoint, below `deberta.`
  public static func path(layer: Int) -> String { "encoder.layer.\(layer)" }

  /// What the place holds in an encoder of some shape; nil where that has no such place.
  public func kind(in shape: DebertaConfiguration) -> Kind? {
    let (hidden, width) = (shape.hiddenSize, shape.headCount * shape.headSize)
    func table(_ rows: Int) -> Kind { .table(rows: rows, columns: shape.embeddingSize) }
    func positions(_ term: DebertaConfiguration.PositionTerm, hasBias: Bool = true) -> Kind? {
      shape.relativePositions != nil && !shape.sharesPositionProjections && shape.positionTerms.contains(term)
        ? .linear(inputs: hidden, outputs: width, hasBias: hasBias) : nil
    }
    switch self {
    case .wordEmbeddings: return table(shape.vocabularySize)
    case .positionEmbeddings: return shape.addsAbsolutePositions ? table(shape.maximumPositions) : nil
    case .tokenTypeEmbeddings: return shape.typeVocabularySize > 0 ? table(shape.typeVocabularySize) : nil
    case .embeddingProjection:
      return shape.embeddingSize == hidden
        ? nil : .linear(inputs: shape.embeddingSize, outputs: hidden, hasBias: false)
    case .embeddingNorm, .attentionNorm, .outputNorm: return .norm(size: hidden)
    case .relativePositions: return shape.relativePositions.map { .table(rows: $0.rows, columns: hidden) }
    case .relativeNorm: return shape.normalizesPositions ? .norm(size: hidden) : nil
    case .projection(let place, _):
      guard shape.family.projections.contains(place) else { return nil }
      let (inputs, outputs) = place.widths(shape)
      return .linear(inputs: inputs, outputs: outputs, hasBias: place != .queryKeyValue)
    case .queryBias, .valueBias: return shape.family == .v1 ? .vector(size: width) : nil
    case .positionKey: return positions(.contentToPosition, hasBias: shape.family == .v2)
    case .positionQuery: return positions(.positionToContent) ?? positions(.positionToPosition)
    case .headLogits, .headWeights:
      return shape.hasTalkingHeads
        ? .linear(inputs: shape.headCount, outputs: shape.headCount, hasBias: false) : nil
    case .convolution:
      return shape.convolution.map {
        .convolution(outputs: hidden, inputs: hidden / $0.groups, taps: $0.kernelSize)
      }
    case .convolutionNorm: return shape.convolution.map { _ in .norm(size: hidden) }
    }
  }
}

extension ModelFamily {
  /// The linear layers of a layer, in the order of a pass.
  public var projections: [ProjectionPlace] {
    switch self {
    case .v1: [.queryKeyValue, .attentionOutput, .up, .down]
    case .v2: [.query, .key, .value, .attentionOutput, .up, .down]
    }
  }
}

extension ProjectionPlace {
  /// The linear layer's name below its layer's.
  public var path: String {
    switch self {
    case .query: "attention.self.query_proj"
    case .key: "attention.self.key_proj"
    case .value: "attention.self.value_proj"
    case .queryKeyValue: "attention.self.in_proj"
    case .attentionOutput: "attention.output.dense"
    case .up: "intermediate.dense"
    case .down: "output.dense"
    }
  }

  /// Its name in a checkpoint, below `deberta.`
  public func path(layer: Int) -> String { "\(EncoderPlace.path(layer: layer)).\(path)" }

  /// The numbers of its inputs and outputs.
  public func widths(_ shape: DebertaConfiguration) -> (inputs: Int, outputs: Int) {
    let width = shape.headCount * shape.headSize
    return switch self {
    case .query, .key, .value: (shape.hiddenSize, width)
    case .queryKeyValue: (shape.hiddenSize, 3 * width)
    case .attentionOutput: (width, shape.hiddenSize)
    case .up: (shape.hiddenSize, shape.intermediateSize)
    case .down: (shape.intermediateSize, shape.hiddenSize)
    }
  }
}

/// The one table of an encoder's places: what each is called in a checkpoint, and which tensors it has.
///
/// Loading, saving, merging, inspection, counting and the targets of PEFT's files read it.
public struct EncoderLayout: Sendable {
  /// A tensor of a place.
  public struct StoredTensor: Sendable, Hashable {
    public let place: EncoderPlace
    /// Below `deberta.`
    public let name: String
    public let shape: [Int]
  }

  public let shape: DebertaConfiguration
  /// Every place that the encoder has, in the order of a pass.
  public let places: [EncoderPlace]

  public init(_ shape: DebertaConfiguration) {
    self.shape = shape
    let layers = (0..<shape.layerCount).flatMap { layer -> [EncoderPlace] in
      [ProjectionPlace.query, .key, .value, .queryKeyValue].map { .projection($0, layer: layer) }
        + [.queryBias(layer: layer), .valueBias(layer: layer)]
        + [.positionKey(layer: layer), .positionQuery(layer: layer)]
        + [.headLogits(layer: layer), .headWeights(layer: layer)]
        + [.projection(.attentionOutput, layer: layer), .attentionNorm(layer: layer)]
        + [.projection(.up, layer: layer), .projection(.down, layer: layer), .outputNorm(layer: layer)]
    }
    let all: [EncoderPlace] =
      [
        .wordEmbeddings, .positionEmbeddings, .tokenTypeEmbeddings, .embeddingProjection, .embeddingNorm,
        .relativePositions, .relativeNorm,
      ] + layers + [.convolution, .convolutionNorm]
    places = all.filter { $0.kind(in: shape) != nil }
  }

  /// Every tensor that the encoder must have.
  public var tensors: [StoredTensor] {
    places.flatMap { place in
      (place.kind(in: shape)?.tensors ?? []).map {
        StoredTensor(place: place, name: place.path(in: shape.family) + $0.suffix, shape: $0.shape)
      }
    }
  }

  /// Every tensor of the encoder that a checkpoint has, the optional ones where they are there.
  public func tensors(in checkpoint: WeightLedger) -> [StoredTensor] {
    tensors + optionalTensors.filter { checkpoint.contains($0.name) }
  }

  /// Tensors that an encoder may have: `adapters` gives the fused projection of v1 a bias, and saves it with whole
  /// models.
  public var optionalTensors: [StoredTensor] {
    places.compactMap { place in
      guard case .projection(.queryKeyValue, let layer) = place else { return nil }
      return StoredTensor(
        place: place, name: ProjectionPlace.queryKeyValue.path(layer: layer) + ".bias",
        shape: [ProjectionPlace.queryKeyValue.widths(shape).outputs])
    }
  }
}

extension EncoderLayout {
  /// The number of values in all tensors.
  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}

// MARK: - Prefix

extension EncoderLayout {
  private static let prefix = "deberta."

  /// A stored tensor's name below the encoder: classes with heads put `deberta.` before it, Microsoft's older ones
  /// `bert.`
  public static func ownName(_ stored: String) -> String {
    for prefix in [prefix, "bert."] where stored.hasPrefix(prefix) { return String(stored.dropFirst(prefix.count)) }
    return stored
  }

  /// The name by which a model with heads stores a tensor of its encoder.
  public static func storedName(_ own: String) -> String { prefix + own }
}
