public import Tensors

/// Every place of a layer; empty is the base model.
public struct LayerHooks: Sendable {
  private var projections: [(any ProjectionHook)?] = Array(repeating: nil, count: ProjectionPlace.allCases.count)
  /// On the projections of the position table, where a layer does not share its own for that.
  public var positionKey, positionQuery: (any ProjectionHook)?
  public var memory: (any MemoryHook)?
  public var afterAttention, afterFeedForward: (any JoinHook)?
  public var afterLayer: (any StateHook)?
  /// Norms in the place of the layer's own.
  public var attentionNorm, outputNorm: LayerNorm?

  public init() {}

  /// Whether nothing acts in this layer.
  var isEmpty: Bool {
    projections.allSatisfy { $0 == nil } && positionKey == nil && positionQuery == nil && memory == nil
      && afterAttention == nil && afterFeedForward == nil && afterLayer == nil && attentionNorm == nil
      && outputNorm == nil
  }

  /// Whether each token leaves the layer as if it were alone, but for the keys and values that it looks at.
  var isTokenwise: Bool {
    let afterKeys: [ProjectionPlace] = [.query, .queryKeyValue, .attentionOutput, .up, .down]
    return afterKeys.allSatisfy { self[$0]?.isTokenwise ?? true } && afterAttention?.isTokenwise ?? true
      && afterFeedForward?.isTokenwise ?? true && afterLayer == nil
  }

  /// The hook on a linear layer.
  public subscript(place: ProjectionPlace) -> (any ProjectionHook)? {
    get { projections[place.index] }
    set { projections[place.index] = newValue }
  }
}

extension ProjectionPlace {
  fileprivate var index: Int {
    switch self {
    case .query: 0
    case .key: 1
    case .value: 2
    case .queryKeyValue: 3
    case .attentionOutput: 4
    case .up: 5
    case .down: 6
    }
  }
}

/// Every place below the layers; empty is the base model.
public struct EmbeddingHooks: Sendable {
  /// On the rows of each table that a token has.
  public var words, positions, types: (any TableHook)?
  /// On the projection from the width of the embeddings to the hidden size.
  public var projection: (any ProjectionHook)?
  /// In the place of the embeddings' own norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { words == nil && positions == nil && types == nil && projection == nil && norm == nil }
}

/// Every place of the table of relative positions, which all layers share; empty is the base model.
public struct RelativePositionHooks: Sendable {
  /// On all rows of the table.
  public var table: (any TableHook)?
  /// In the place of the table's own norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { table == nil && norm == nil }
}

/// The places of the convolution beside the first layer; empty is the base model.
public struct ConvolutionHooks: Sendable {
  /// On the result of the convolution, before its activation; its input is that of the convolution.
  public var outputs: (any ProjectionHook)?
  /// In the place of the convolution's own norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { outputs == nil && norm == nil }
}

/// Every place of an encoder, and of the heads after it.
public struct EncoderHooks: Sendable {
  public var embeddings = EmbeddingHooks()
  public var afterEmbeddings: (any StateHook)?
  /// What lengthens every sequence.
  public var prompt: Prompt?
  public var relativePositions = RelativePositionHooks()
  public var layers: [LayerHooks]
  public var convolution = ConvolutionHooks()
  /// What acts on the modules of heads, by the names that transformers' classes have for those:
  /// `pooler.dense`, `classifier`.
  public var heads: [String: any HeadHook] = [:]

  /// By how many tokens sequences become longer.
  public var promptLength: Int { prompt?.length ?? 0 }

  /// By how many of them before positions are added.
  public var wordPromptLength: Int { prompt?.stage == .words ? promptLength : 0 }

  /// The number of lowest layers in which no hook acts; 0 where one acts on the embeddings.
  public var unhookedLayers: Int {
    if afterEmbeddings != nil || prompt != nil || !embeddings.isEmpty || !relativePositions.isEmpty { return 0 }
    if !convolution.isEmpty { return 0 }
    return layers.firstIndex { !$0.isEmpty } ?? layers.count
  }

  /// Whether some hook acts in a layer.
  public var actsInLayers: Bool {
    layers.contains { !$0.isEmpty } || !relativePositions.isEmpty || !convolution.isEmpty
  }

  /// No hooks: the base model.
  public init(layers: Int) { self.layers = Array(repeating: LayerHooks(), count: layers) }
}
