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
