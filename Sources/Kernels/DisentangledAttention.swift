/// One head's table of projected relative positions, with a correction of low rank.
///
///     scores = x baseᵀ + (x left) rightᵀ
///
/// x [M, D], base [table rows, D], left [r, D] as outputs by inputs, right [table rows, r].
public struct HeadPositions {
  public let base: Panels
  public let correction: (left: Panels, right: Panels)?

  public init(base: Panels, correction: (left: Panels, right: Panels)? = nil) {
    self.base = base
    self.correction = correction
  }
}

/// One head of one sequence of disentangled attention.
///
/// N tokens, of which the first M look at all of them, P memory rows in front of them, head size D:
///
///     scores[i, P + j] = scale (q_i·k_j + q_i·K[δ(i, j)]) + k_j·Q[δ(i, j)]
///     scores[i, p]     = scale q_i·m_p
///     context          = softmax(scores) values
///
/// K and Q are tables of projected relative positions, Q already scaled;
/// memory has no position. Where queries have positions P of their own, these
/// meet K too: + P[i]·K[δ(i, j)], not scaled. Queries are taken in blocks, so scratch is
/// O(N · block) for scores and O(N · distinct distances) for position terms.
///
/// Source: He et al., "DeBERTa: Decoding-enhanced BERT with Disentangled
/// Attention" (2021), section 3.1; transformers, `modeling_deberta_v2.py`,
/// `DisentangledSelfAttention`.
public struct AttentionHead {
  /// [M, D], in place in the matrices of what looks.
  public let query, context: Rows
  /// [N, D], in place in the layer's [tokens, hidden] matrices.
  public let key, value: Rows
  public let scale: Float
  /// [P, D] each, where there is memory.
  public var memory: (key: Rows, value: Rows)?
  public var contentToPosition: HeadPositions?
  public var positionToContent: HeadPositions?
  /// P [positions, D], a row for each position of the queries; with `contentToPosition` alone.
  public var queryPositions: Rows?
  /// Required with a table; reaches the largest distance of the sequence to both sides.
  public var distances: DistanceRows?
  /// Each token's own position, rising, where they are not 0, 1, 2, ...
  public var positions: UnsafePointer<Int32>?
  /// [N, N] bytes, where some tokens do not see some others.
  public var visible: UnsafePointer<UInt8>?
  /// [M, P + N], filled where given; before dropout.
  public var probabilities: Rows?
  /// What sets attention weights to 0 in training, with the number of the first of them.
  public var dropout: (mask: DropoutMask, first: Int)?

  public init(query: Rows, key: Rows, value: Rows, context: Rows, scale: Float) {
    precondition(query.rows <= key.rows, "\(query.rows) queries of \(key.rows) tokens")
    self.query = query
    self.key = key
    self.value = value
    self.context = context
    self.scale = scale
  }

  /// Four register tiles of the widest kernels.
  private static let queryBlock = 56

  /// The rows of memory before the sequence's own.
  private var front: Int { memory?.key.rows ?? 0 }
  /// Keys that a query may meet: memory and tokens.
  private var columns: Int { front + key.rows }

  /// Computes `context`, with scratch of `buffers`.
  public func callAsFunction(_ kernels: VectorKernels, _ buffers: Buffers) {
    let size = query.columns
    let turnedValues = Panels.count(outputs: size, inputs: columns, width: kernels.panelWidth)
    let scratch = Scratch(buffers, capacities: [turnedValues, Scratch.size(front == 0 ? 0 : columns, size)])
    let values = Panels(
      scratch.floats(turnedValues), outputs: size, inputs: columns, width: kernels.panelWidth)
    let joined = front == 0 ? nil : scratch.rows(columns, size)
    kernels.packInputs(withMemory(memory?.value, value, in: joined, kernels), into: values)
    forEachBlock(kernels, buffers) { rows, s in
      hide(s.columns(front..<columns), firstQuery: rows.lowerBound)
      kernels.softmax(s)
      if let probabilities { kernels.scale(s, by: 1, into: probabilities.slice(rows)) }
      if let dropout { kernels.dropout(s, dropout.mask, first: dropout.first + rows.lowerBound * columns) }
      kernels.product(s, values, into: context.slice(rows))
    }
  }

  /// Computes the scores alone, [M, P + N], those of hidden tokens too.
  public func scores(into scores: Rows, _ kernels: VectorKernels, _ buffers: Buffers) {
    forEachBlock(kernels, buffers) { rows, s in kernels.scale(s, by: 1, into: scores.slice(rows)) }
  }

  /// Calls `body` with the scores of one block of queries after the other.
  private func forEachBlock(_ kernels: VectorKernels, _ buffers: Buffers, _ body: (Range<Int>, Rows) -> Void) {
    let (count, tokens) = (query.rows, key.rows)
    let size = query.columns
    let block = min(Self.queryBlock, count)
    let farthest = positions.map { Int($0[tokens - 1] - $0[0]) } ?? tokens - 1
    let c2p = ReachedPositions(contentToPosition, distances?.keyRows, -farthest...farthest)
    let p2c = ReachedPositions(positionToContent, distances?.queryRows, -farthest...farthest)

    let panelValues = Panels.count(outputs: columns, inputs: size, width: kernels.panelWidth)
    let scratch = Scratch(
      buffers,
      capacities: [
        panelValues, Scratch.size(front == 0 ? 0 : columns, size), Scratch.size(block, size),
        Scratch.size(block, columns), Scratch.size(block, c2p?.columns ?? 0), Scratch.size(block, c2p?.rank ?? 0),
        Scratch.size(tokens, p2c?.columns ?? 0), Scratch.size(tokens, p2c?.rank ?? 0),
      ])
    let joined = front == 0 ? nil : scratch.rows(columns, size)
    let keys = Panels(
      scratch.floats(panelValues), outputs: columns, inputs: size, width: kernels.panelWidth)
    kernels.packOutputs(withMemory(memory?.key, key, in: joined, kernels), into: keys)

    let ofKeys = p2c.map { p2c in
      let (terms, lowRank) = (scratch.rows(tokens, p2c.columns), scratch.rows(tokens, p2c.rank))
      for first in stride(from: 0, to: tokens, by: Self.queryBlock) {
        let rows = first..<min(first + Self.queryBlock, tokens)
        p2c.reached(from: rows, to: count, positions)
          .score(key.slice(rows), within: p2c, terms.slice(rows), lowRank.slice(rows), kernels)
      }
      return terms.counted(from: p2c.firstRow)
    }
    let queries = scratch.rows(block, size)
    let scores = scratch.rows(block, columns)
    let c2pScores = c2p.map { (scratch.rows(block, $0.columns), scratch.rows(block, $0.rank)) }
    for first in stride(from: 0, to: count, by: block) {
      let rows = first..<min(first + block, count)
      let q = queries.slice(0..<rows.count)
      let s = scores.slice(0..<rows.count)
      kernels.scale(query.slice(rows), by: scale, into: q)
      kernels.product(q, keys, into: s)
      if let distances {
        var ofQueries: Rows?
        if let c2p, let (terms, lowRank) = c2pScores {
          addPositions(of: rows, to: q, kernels)
          let own = terms.slice(0..<rows.count)
          c2p.reached(from: rows, to: tokens, positions)
            .score(q, within: c2p, own, lowRank.slice(0..<rows.count), kernels)
          ofQueries = own.counted(from: c2p.firstRow)
        }
        add(ofQueries, ofKeys, distances, to: s.columns(front..<columns), firstQuery: first, kernels)
      }
      body(rows, s)
    }
  }

  /// Adds the positions of some queries to them.
  private func addPositions(of rows: Range<Int>, to q: Rows, _ kernels: VectorKernels) {
    guard let queryPositions else { return }
    for (index, row) in rows.enumerated() {
      let own = position(ofQuery: row)
      kernels.scale(queryPositions.slice(own..<own + 1), by: 1, into: q.slice(index..<index + 1), accumulate: true)
    }
  }

  /// Where a query stands.
  func position(ofQuery query: Int) -> Int { positions.map { Int($0[query]) } ?? query }

  /// Memory rows with the sequence's own after them, or these alone.
  private func withMemory(_ memory: Rows?, _ own: Rows, in joined: Rows?, _ kernels: VectorKernels) -> Rows {
    guard let memory, let joined else { return own }
    kernels.scale(memory, by: 1, into: joined.slice(0..<memory.rows))
    kernels.scale(own, by: 1, into: joined.slice(memory.rows..<joined.rows))
    return joined
  }

  /// Adds the position terms; where positions have gaps, one pair at a time.
  private func add(
    _ c2p: Rows?, _ p2c: Rows?, _ distances: DistanceRows, to scores: Rows, firstQuery: Int, _ kernels: VectorKernels
  ) {
    guard let positions else {
      kernels.addPositions(
        to: scores, firstQuery: firstQuery, contentToPosition: c2p, positionToContent: p2c, distances)
      return
    }
    for i in 0..<scores.rows {
      let row = scores.base + i * scores.stride
      for j in 0..<scores.columns {
        let distance = Int(positions[firstQuery + i] - positions[j])
        if let c2p { row[j] += c2p.base[i * c2p.stride + Int(distances.keyRows[-distance])] }
        if let p2c { row[j] += p2c.base[j * p2c.stride + Int(distances.queryRows[distance])] }
      }
    }
  }

  private func hide(_ scores: Rows, firstQuery: Int) {
    guard let visible else { return }
    for i in 0..<scores.rows {
      let row = scores.base + i * scores.stride
      let mask = visible + (firstQuery + i) * scores.columns
      for j in 0..<scores.columns where mask[j] == 0 { row[j] = -.infinity }
    }
  }
}

/// The part of a table of positions that tokens reach, in whole panels.
private struct ReachedPositions {
  private let table: HeadPositions
  private let rows: UnsafePointer<Int32>
  private let panels: Range<Int>
  /// Whether rows rise with the distance, which configurations with fewer distances than rows break.
  private let isRising: Bool

  init?(_ table: HeadPositions?, _ rows: UnsafePointer<Int32>?, _ distances: ClosedRange<Int>) {
    guard let table, let rows else { return nil }
    let width = table.base.width
    self.table = table
    self.rows = rows
    var (least, most, isRising) = (rows[0], rows[0], true)
    var previous = rows[distances.lowerBound]
    for distance in distances {
      let row = rows[distance]
      if row < previous { isRising = false }
      previous = row
      least = min(least, row)
      most = max(most, row)
    }
    self.isRising = isRising
    panels = Int(least) / width..<Int(most) / width + 1
  }

  private init(_ whole: ReachedPositions, panels: Range<Int>) {
    (table, rows, isRising) = (whole.table, whole.rows, whole.isRising)
    self.panels = panels
  }

  /// The row of the table that the first column is for.
  var firstRow: Int { panels.lowerBound * table.base.width }
  var columns: Int { table.base.outputs(of: panels).count }
  var rank: Int { table.correction?.left.outputs ?? 0 }

  /// The part that a block of a sequence's tokens reaches among its first ones: queries look at rows of key - query,
  /// keys at those of query - key, and both rise from the sequence's one end to the other.
  func reached(from block: Range<Int>, to count: Int, _ positions: UnsafePointer<Int32>?) -> ReachedPositions {
    guard isRising else { return self }
    func position(_ token: Int) -> Int { positions.map { Int($0[token]) } ?? token }
    let least = Int(rows[position(0) - position(block.upperBound - 1)])
    let most = Int(rows[position(count - 1) - position(block.lowerBound)])
    let width = table.base.width
    return ReachedPositions(self, panels: least / width..<most / width + 1)
  }

  /// x against the reached rows, at their columns among those of `whole`.
  func score(
    _ x: Rows, within whole: ReachedPositions, _ scores: Rows, _ lowRank: Rows, _ kernels: VectorKernels
  ) {
    let first = firstRow - whole.firstRow
    let own = scores.columns(first..<first + columns)
    kernels.product(x, table.base.slice(panels), into: own)
    if let (left, right) = table.correction {
      kernels.product(x, left, into: lowRank)
      kernels.product(lowRank, right.slice(panels), into: own, epilogue: .accumulate)
    }
  }
}
