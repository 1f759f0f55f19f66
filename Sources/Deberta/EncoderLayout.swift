public import Checkpoints
public import Tensors

/// A module of an encoder that has tensors.
public enum EncoderPlace: Sendable, Hashable {
  case wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings
  /// From embedding width to hidden size.
  case embeddingProjection
  case embeddingNorm
  /// The table of relative positions, and its norm.
  case relativePositions, relativeNorm
  case projection(ProjectionPlace, layer: Int)
  /// The bias of queries and values in v1, added after the fused projection and its adapters.
  case queryBias(layer: Int)
  case valueBias(layer: Int)
  /// The projection of relative positions, for layers that do not share their query and key for that.
  case positionKey(layer: Int)
  case positionQuery(layer: Int)
  case attentionNorm(layer: Int)
  case outputNorm(layer: Int)
  /// Mixes the heads' scores before the softmax, and their probabilities after it.
  case headLogits(layer: Int)
  case headWeights(layer: Int)
  case convolution, convolutionNorm
}

extension EncoderPlace {
  /// The type and sizes of a place's tensors.
  public enum Kind: Sendable, Hashable {
    /// `weight` [rows, columns]
    case table(rows: Int, columns: Int)
    /// `weight` [outputs, inputs] and usually `bias` [outputs]
    case linear(inputs: Int, outputs: Int, hasBias: Bool = true)
    /// `weight` and `bias` [size]
    case norm(size: Int)
    /// [size], named after the place itself
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

  /// The name of a module or vector in a family's checkpoints, below `deberta.`
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

  /// The name of a layer in a checkpoint, below `deberta.`
  public static func path(layer: Int) -> String { "encoder.layer.\(layer)" }

  /// What this place holds in an encoder of the given shape; nil if the encoder has no such place.
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
  /// The linear layers of a layer, in execution order.
  public var projections: [ProjectionPlace] {
    switch self {
    case .v1: [.queryKeyValue, .attentionOutput, .up, .down]
    case .v2: [.query, .key, .value, .attentionOutput, .up, .down]
    }
  }
}

extension ProjectionPlace {
  /// The linear layer's name within its layer.
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

  /// The numbers of inputs and outputs.
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

/// All places of an encoder: their names in a checkpoint and their tensors.
///
/// The only such table: loading, saving, merging, inspection, counting and PEFT target matching read it.
public struct EncoderLayout: Sendable {
  /// A tensor of a place.
  public struct StoredTensor: Sendable, Hashable {
    public let place: EncoderPlace
    /// Name below `deberta.`
    public let name: String
    public let shape: [Int]
  }

  public let shape: DebertaConfiguration
  /// The encoder's places, in execution order.
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

  /// The tensors that the encoder requires.
  public var tensors: [StoredTensor] {
    places.flatMap { place in
      let name = place.path(in: shape.family)
      return (place.kind(in: shape)?.tensors ?? []).map {
        StoredTensor(place: place, name: name + $0.suffix, shape: $0.shape)
      } + scales(of: place, name)
    }
  }

  /// The scales of a weight that is int8.
  private func scales(of place: EncoderPlace, _ name: String) -> [StoredTensor] {
    guard case .projection(let projection, _) = place, shape.quantizes(projection) else { return [] }
    return [
      StoredTensor(
        place: place, name: name + Quantization.weightSuffix + Quantization.scaleSuffix,
        shape: [projection.widths(shape).outputs])
    ]
  }

  /// The encoder's tensors in a checkpoint, including the optional ones it has.
  public func tensors(in checkpoint: WeightLedger) -> [StoredTensor] {
    tensors + optionalTensors.filter { checkpoint.contains($0.name) }
  }

  /// Tensors that an encoder may have: `adapters` adds a bias to the fused projection of v1 and saves it with whole
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
  /// The number of values in all required tensors.
  public var parameterCount: Int { tensors.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}

// MARK: - Prefix

extension EncoderLayout {
  private static let prefix = "deberta."

  /// A stored tensor's name within the encoder: classes with heads prefix `deberta.`, older Microsoft checkpoints
  /// `bert.`. Old files call the weight and the bias of a norm `gamma` and `beta`; transformers reads both names.
  public static func ownName(_ stored: String) -> String {
    for (old, own) in [("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")]
    where stored.hasSuffix(old) {
      return ownName(stored.dropLast(old.count) + own)
    }
    for prefix in [prefix, "bert."] where stored.hasPrefix(prefix) { return String(stored.dropFirst(prefix.count)) }
    return stored
  }

  /// The name under which a model with heads stores an encoder tensor.
  public static func storedName(_ own: String) -> String { prefix + own }
}
