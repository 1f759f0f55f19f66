public import Tensors

/// The hooks of one layer; empty for the base model.
public struct LayerHooks: Sendable {
  private var projections: [(any ProjectionHook)?] = Array(repeating: nil, count: ProjectionPlace.allCases.count)
  /// Hooks on the projections of relative positions, for layers that do not share their query and key for that.
  public var positionKey, positionQuery: (any ProjectionHook)?
  public var memory: (any MemoryHook)?
  public var afterAttention, afterFeedForward: (any JoinHook)?
  public var afterLayer: (any StateHook)?
  /// Norms that replace the layer's.
  public var attentionNorm, outputNorm: LayerNorm?

  public init() {}

  /// Whether the layer has no hooks.
  var isEmpty: Bool {
    projections.allSatisfy { $0 == nil } && positionKey == nil && positionQuery == nil && memory == nil
      && afterAttention == nil && afterFeedForward == nil && afterLayer == nil && attentionNorm == nil
      && outputNorm == nil
  }

  /// Whether the layer computes each token separately, apart from the keys and values that it attends to.
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

/// The hooks below the layers; empty for the base model.
public struct EmbeddingHooks: Sendable {
  /// Hooks on the rows looked up in each table.
  public var words, positions, types: (any TableHook)?
  /// The hook on the projection from embedding width to hidden size.
  public var projection: (any ProjectionHook)?
  /// Replaces the embeddings' norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { words == nil && positions == nil && types == nil && projection == nil && norm == nil }
}

/// The hooks on the table of relative positions, which all layers share; empty for the base model.
public struct RelativePositionHooks: Sendable {
  /// The hook on all rows of the table.
  public var table: (any TableHook)?
  /// Replaces the table's norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { table == nil && norm == nil }
}

/// The hooks of the convolution parallel to the first layer; empty for the base model.
public struct ConvolutionHooks: Sendable {
  /// The hook on the result of the convolution, before its activation; its input is the convolution's.
  public var outputs: (any ProjectionHook)?
  /// Replaces the convolution's norm.
  public var norm: LayerNorm?

  public init() {}

  var isEmpty: Bool { outputs == nil && norm == nil }
}

/// The hooks of an encoder and of the heads after it.
public struct EncoderHooks: Sendable {
  public var embeddings = EmbeddingHooks()
  public var afterEmbeddings: (any StateHook)?
  /// The prompt added to every sequence.
  public var prompt: Prompt?
  public var relativePositions = RelativePositionHooks()
  public var layers: [LayerHooks]
  public var convolution = ConvolutionHooks()
  /// Hooks on modules of heads, by their names in transformers' classes: `pooler.dense`, `classifier`.
  public var heads: [String: any HeadHook] = [:]

  /// The number of tokens that the prompt adds to each sequence.
  public var promptLength: Int { prompt?.length ?? 0 }

  /// The number of tokens added before positions are.
  public var wordPromptLength: Int { prompt?.stage == .words ? promptLength : 0 }

  /// The number of lowest layers without hooks; 0 if a hook changes the embeddings.
  public var unhookedLayers: Int {
    if afterEmbeddings != nil || prompt != nil || !embeddings.isEmpty || !relativePositions.isEmpty { return 0 }
    if !convolution.isEmpty { return 0 }
    return layers.firstIndex { !$0.isEmpty } ?? layers.count
  }

  /// Whether any layer has a hook.
  public var actsInLayers: Bool {
    layers.contains { !$0.isEmpty } || !relativePositions.isEmpty || !convolution.isEmpty
  }

  /// No hooks: the base model.
  public init(layers: Int) { self.layers = Array(repeating: LayerHooks(), count: layers) }
}
