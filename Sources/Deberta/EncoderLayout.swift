/// A module of an encoder that has tensors.
public enum EncoderPlace: Sendable, Hashable {
  case wordEmbeddings, positionEmbeddings, tokenTypeEmbeddings
  /// From the width of the embeddings to the hidden size.
  case embeddingProjection
  case embeddingNorm
  /// The table of relative positions, and its norm.
  case relativePositions, relativeNorm
  case projection(ProjectionPlace, layer: Int)
  /// What projects the relative positions of a layer, where it does not share its own key and query for that.
  case positionKey(layer: Int)
  case positionQuery(layer: Int)
  case attentionNorm(layer: Int)
  case outputNorm(layer: Int)
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
    /// `weight` [outputs, inputs, taps] and `bias` [outputs]
    case convolution(outputs: Int, inputs: Int, taps: Int)

    /// The tensors of a place of this kind.
    var tensors: [(member: String, shape: [Int])] {
      switch self {
      case .table(let rows, let columns): [("weight", [rows, columns])]
      case .linear(let inputs, let outputs, let hasBias):
        [("weight", [outputs, inputs])] + (hasBias ? [("bias", [outputs])] : [])
      case .norm(let size): [("weight", [size]), ("bias", [size])]
      case .convolution(let outputs, let inputs, let taps):
        [("weight", [outputs, inputs, taps]), ("bias", [outputs])]
      }
    }
  }

  /// The module's name in a checkpoint, below `deberta.`
  public var path: String {
    switch self {
    case .wordEmbeddings: "embeddings.word_embeddings"
    case .positionEmbeddings: "embeddings.position_embeddings"
    case .tokenTypeEmbeddings: "embeddings.token_type_embeddings"
    case .embeddingProjection: "embeddings.embed_proj"
    case .embeddingNorm: "embeddings.LayerNorm"
    case .relativePositions: "encoder.rel_embeddings"
    case .relativeNorm: "encoder.LayerNorm"
    case .projection(let place, let layer): "\(Self.path(layer: layer)).\(place.path)"
    case .positionKey(let layer): "\(Self.path(layer: layer)).attention.self.pos_key_proj"
    case .positionQuery(let layer): "\(Self.path(layer: layer)).attention.self.pos_query_proj"
    case .attentionNorm(let layer): "\(Self.path(layer: layer)).attention.output.LayerNorm"
    case .outputNorm(let layer): "\(Self.path(layer: layer)).output.LayerNorm"
    case .convolution: "encoder.conv.conv"
    case .convolutionNorm: "encoder.conv.LayerNorm"
    }
  }

  /// A layer's name in a checkpoint, below `deberta.`
  public static func path(layer: Int) -> String { "encoder.layer.\(layer)" }

  /// What the place holds in an encoder of some shape; nil where that has no such place.
  public func kind(in shape: DebertaV2Configuration) -> Kind? {
    let (hidden, width) = (shape.hiddenSize, shape.headCount * shape.headSize)
    func table(_ rows: Int) -> Kind { .table(rows: rows, columns: shape.embeddingSize) }
    func positions(_ term: DebertaV2Configuration.PositionTerm) -> Kind? {
      shape.relativePositions != nil && !shape.sharesPositionProjections && shape.positionTerms.contains(term)
        ? .linear(inputs: hidden, outputs: width) : nil
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
      let (inputs, outputs) = place.widths(shape)
      return .linear(inputs: inputs, outputs: outputs)
    case .positionKey: return positions(.contentToPosition)
    case .positionQuery: return positions(.positionToContent)
    case .convolution:
      return shape.convolution.map {
        .convolution(outputs: hidden, inputs: hidden / $0.groups, taps: $0.kernelSize)
      }
    case .convolutionNorm: return shape.convolution.map { _ in .norm(size: hidden) }
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
    case .attentionOutput: "attention.output.dense"
    case .up: "intermediate.dense"
    case .down: "output.dense"
    }
  }

  /// The numbers of its inputs and outputs.
  public func widths(_ shape: DebertaV2Configuration) -> (inputs: Int, outputs: Int) {
    let width = shape.headCount * shape.headSize
    return switch self {
    case .query, .key, .value: (shape.hiddenSize, width)
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

  public let shape: DebertaV2Configuration
  /// Every place that the encoder has, in the order of a pass.
  public let places: [EncoderPlace]

  public init(_ shape: DebertaV2Configuration) {
    self.shape = shape
    let layers = (0..<shape.layerCount).flatMap { layer -> [EncoderPlace] in
      ProjectionPlace.allCases.prefix(3).map { .projection($0, layer: layer) }
        + [.positionKey(layer: layer), .positionQuery(layer: layer)]
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

  /// Every tensor of the encoder.
  public var tensors: [StoredTensor] {
    places.flatMap { place in
      (place.kind(in: shape)?.tensors ?? []).map {
        StoredTensor(place: place, name: "\(place.path).\($0.member)", shape: $0.shape)
      }
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

  /// A stored tensor's name below the encoder: transformers' classes with heads put `deberta.` before it.
  public static func ownName(_ stored: String) -> String {
    stored.hasPrefix(prefix) ? String(stored.dropFirst(prefix.count)) : stored
  }

  /// The name by which a model with heads stores a tensor of its encoder.
  public static func storedName(_ own: String) -> String { prefix + own }
}
