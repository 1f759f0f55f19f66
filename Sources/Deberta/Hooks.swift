public import Tensors

// The hook points of an encoder. Hooks are values passed to a forward pass; the encoder holds none.

/// The rows that a hook applies to: consecutive whole sequences of one row group.
public struct Segment: Sendable {
  /// Indices of the sequences in the batch.
  public let sequences: Range<Int>
  /// Each sequence's rows in the tensor passed to the hook.
  public let rows: [Range<Int>]

  public init(sequences: Range<Int>, rows: [Range<Int>]) {
    self.sequences = sequences
    self.rows = rows
  }
}

/// The place, layer and segment of a hook call.
public struct Site: Sendable {
  public let layer: Int
  public let segment: Segment

  public init(layer: Int, segment: Segment) {
    self.layer = layer
    self.segment = segment
  }
}

/// Changes the result of a linear layer: LoRA, IA3, DoRA, VeRA.
public protocol ProjectionHook: Sendable {
  /// Changes y = base(x) in place. x [M, inputs], y [M, outputs].
  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass)
  /// The hook as a low-rank product right(x) · leftᵀ, if that is all it adds.
  var lowRank: (any LowRankHook)? { get }
  /// Whether a token's result depends only on that token, not on its position or on others; false by default.
  var isTokenwise: Bool { get }
}

extension ProjectionHook {
  public var isTokenwise: Bool { false }
  public var lowRank: (any LowRankHook)? { nil }
}

/// A projection hook that adds a low-rank product: y + right(x) · leftᵀ.
public protocol LowRankHook: ProjectionHook {
  var left: LeftFactor { get }
  /// x [M, inputs] → [M, rank]
  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor
}

/// LoRA B, [outputs, rank], as rows and as a layer.
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

/// Replaces 'add the residual and normalize' after attention or feed-forward: bottlenecks and their fusion.
///
/// A sub-block ends with `close(transform(hidden))`. The two are separate so that composition blocks can be built from
/// hooks: a stack feeds one transform to the next and lets the last one close.
public protocol JoinHook: Sendable {
  /// The adapted hidden states; does not modify its arguments. All [M, H].
  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor
  /// Whether `transform` omits the hidden states from its result and `close` adds them.
  var addsHiddenOnClose: Bool { get }
  /// Whether a token's result depends only on that token, not on its position or on others; false by default.
  var isTokenwise: Bool { get }
  /// Ends the sub-block. `hidden` are the states before any transform; the result may reuse `adapted`.
  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor
}

extension JoinHook {
  public var isTokenwise: Bool { false }

  /// The replacement for norm(hidden + residual).
  func join(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    let adapted = transform(hidden, residual: residual, norm: norm, at: site, on: pass)
    return close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass)
  }
}

/// Prepends keys and values to those of a sequence: prefix tuning.
public protocol MemoryHook: Sendable {
  /// Keys and values [P, heads · D] for each sequence of the segment. x [M, H] is the layer's input.
  func memory(for x: Tensor, at site: Site, on pass: Pass) -> [(key: Tensor, value: Tensor)]
}

/// Edits hidden states in place: ReFT, invertible adapters.
public protocol StateHook: Sendable {
  func edit(_ hidden: Tensor, at site: Site, on pass: Pass)
}

/// Changes rows looked up in an embedding table.
public protocol TableHook: Sendable {
  /// Changes y, the looked-up rows of the table, in place. y [indices, columns].
  func adapt(_ y: Tensor, rows indices: [Int], on pass: Pass)
}

/// Adapts one module of any head.
public protocol HeadHook: Sendable {
  /// The hook on the results of a module; nil if it stays unchanged.
  ///
  /// - Throws: an error with both sizes if the module's differ from the hook's.
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
