public import Tensors

// The places of an encoder where it can be adapted. Hooks are values that a pass is given; the encoder holds none.

/// The rows that a hook acts on: whole sequences of one row group, one after the other.
public struct Segment: Sendable {
  /// The sequences, counted in the batch.
  public let sequences: Range<Int>
  /// Each sequence's rows within the tensor that the hook is given.
  public let rows: [Range<Int>]

  public init(sequences: Range<Int>, rows: [Range<Int>]) {
    self.sequences = sequences
    self.rows = rows
  }
}

/// Where a hook is called, and for what.
public struct Site: Sendable {
  public let layer: Int
  public let segment: Segment

  public init(layer: Int, segment: Segment) {
    self.layer = layer
    self.segment = segment
  }
}

/// Acts on the result of a linear layer: LoRA, IA3, DoRA, VeRA.
public protocol ProjectionHook: Sendable {
  /// Changes y = base(x) in place. x [M, inputs], y [M, outputs].
  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass)
  /// What the hook adds to any y as right(x) · leftᵀ, if that is all it does.
  var lowRank: (any LowRankHook)? { get }
  /// Whether a token's result depends on that token alone, not on its place or on others; false unless a hook says so.
  var isTokenwise: Bool { get }
}

extension ProjectionHook {
  public var isTokenwise: Bool { false }
  public var lowRank: (any LowRankHook)? { nil }
}

/// A projection hook that adds a product of low rank: y + right(x) · leftᵀ.
public protocol LowRankHook: ProjectionHook {
  var left: LeftFactor { get }
  /// x [M, inputs] → [M, rank]
  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor
}

/// The left factor of a product of low rank, [outputs, rank], as rows and as a layer.
public struct LeftFactor: Sendable {
  public let rows: Tensor
  public let layer: Linear

  public init(_ rows: Tensor, on pass: Pass) {
    self.rows = rows
    layer = pass.layer(weight: rows)
  }
}

extension LowRankHook {
  public var lowRank: (any LowRankHook)? { self }

  public func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    pass.addLinear(right(x, at: site, on: pass), left.layer, to: y)
  }
}

/// Owns 'add the residual, normalise' after attention or feed-forward: bottlenecks and their fusion.
///
/// A sub-block ends with `close(transform(hidden))`. They are apart so that
/// blocks of composition can be built from hooks: a stack feeds one
/// transform to the next and lets the last one close.
public protocol JoinHook: Sendable {
  /// The adapted hidden states; changes none of its arguments. All [M, H].
  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor
  /// Whether `transform` leaves the hidden states out of its result and `close` adds them.
  var addsHiddenOnClose: Bool { get }
  /// Whether a token's result depends on that token alone, not on its place or on others; false unless a hook says so.
  var isTokenwise: Bool { get }
  /// Ends the sub-block. `hidden` are the states before any transform; the result may replace `adapted`.
  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor
}

extension JoinHook {
  public var isTokenwise: Bool { false }

  /// What stands in the place of norm(hidden + residual).
  func join(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    let adapted = transform(hidden, residual: residual, norm: norm, at: site, on: pass)
    return close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass)
  }
}

/// Puts keys and values in front of a sequence's own: prefix tuning.
public protocol MemoryHook: Sendable {
  /// For each sequence of the segment, keys and values [P, heads · D]. x [M, H] is the layer's input.
  func memory(for x: Tensor, at site: Site, on pass: Pass) -> [(key: Tensor, value: Tensor)]
}

/// Edits hidden states in place: ReFT, invertible adapters.
public protocol StateHook: Sendable {
  func edit(_ hidden: Tensor, at site: Site, on pass: Pass)
}

/// Acts on rows of a table of embeddings.
public protocol TableHook: Sendable {
  /// Changes y, the table's rows at some indices, in place. y [indices, columns].
  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass)
}

/// The linear layers of a layer.
public enum ProjectionPlace: String, Sendable, Hashable, CaseIterable {
  case query, key, value
  /// The fused projection of v1: for each head in turn its query, its key and its value, without their biases.
  case queryKeyValue
  case attentionOutput, up, down
}

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

/// Acts on one module of a head, whichever head it is.
public protocol HeadHook: Sendable {
  /// What acts on the results of a module; nil where this one stays as it is.
  ///
  /// - Throws: an error that names both sizes for a module that has others than the hook was made for.
  func hook(for layer: HeadLayer, on pass: Pass) throws -> (any ProjectionHook)?
}

/// A module of a head.
public struct HeadLayer: Sendable {
  /// The module, if it is a linear layer.
  public let linear: Linear?
  /// The weights [vocabulary, E] of a decoder.
  public let words: WeightMatrix?
  /// [1, outputs]
  public let bias: Tensor?

  public init(linear: Linear?, words: WeightMatrix?, bias: Tensor?) {
    (self.linear, self.words, self.bias) = (linear, words, bias)
  }
}

// MARK: - By place

extension EncoderHooks {
  /// The hook on a linear layer or a convolution of the table of places.
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

  /// What stands in the place of a norm.
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

  /// The hook on a table.
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
