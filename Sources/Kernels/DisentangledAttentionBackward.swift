/// Where the gradients of one head of one sequence are added; nil where none is wanted.
public struct AttentionHeadGradients {
  /// [M, D], [N, D], [N, D]
  public var query, key, value: Rows?
  /// [P, D] each.
  public var memory: (key: Rows?, value: Rows?) = (nil, nil)
  /// The tables' gradients, in the order of their rows; the query table's is that of the scaled one.
  public var tables: (key: Rows?, query: Rows?) = (nil, nil)
  /// [positions, D]
  public var queryPositions: Rows?

  public init() {}

  /// Whether anything needs the gradient of the scores.
  fileprivate var needScores: Bool {
    query != nil || key != nil || memory.key != nil || tables.key != nil || tables.query != nil
      || queryPositions != nil
  }
}

extension AttentionHead {
  /// Adds the gradients of one head of one sequence.
  ///
  /// With A = dropout(P), P = softmax(S):
  ///
  ///     dV += Aᵀ dC       dS = P ⊙ (dP - rowsum(P ⊙ dP)),  dP = dropout(dC Vᵀ)
  ///     dq += scale (dS k + U K)        dk += scale dSᵀ q + W Q
  ///     dK += scale Uᵀ q                dQ += Wᵀ k
  ///
  /// U and W are dS added up by the rows of the tables K and Q that the
  /// distances name. Where there is memory, its keys and values stand in
  /// front and have no distance.
  ///
  /// - Parameters:
  ///   - context: dC [M, D].
  ///   - attention: P [M, memory + N], before dropout.
  ///   - tables: K and the scaled Q as rows [2 · span, D]; required where there are distances and a table.
  ///   - gradients: where to add.
  ///   - kernels: what it computes with.
  ///   - buffers: where scratch comes from.
  public func backward(
    _ context: Rows, attention: Rows, tables: (key: Rows?, query: Rows?), into gradients: AttentionHeadGradients,
    _ kernels: VectorKernels, _ buffers: Buffers
  ) {
    let (queries, columns) = (query.rows, attention.columns)
    let front = columns - key.rows
    let own = front..<columns
    let scratch = Scratch(
      buffers, capacities: [Scratch.size(dropout == nil ? 0 : queries, columns), Scratch.size(queries, columns)])
    var applied = attention
    if let dropout {
      applied = scratch.rows(queries, columns)
      kernels.scale(attention, by: 1, into: applied)
      kernels.dropout(applied, dropout.mask, first: dropout.first)
    }
    add(.transposed(applied.columns(own)), .plain(context), to: gradients.value)
    if front > 0 { add(.transposed(applied.columns(0..<front)), .plain(context), to: gradients.memory.value) }
    guard gradients.needScores else { return }

    let scores = scratch.rows(queries, columns)
    Products.multiply(.plain(context), .transposed(value), into: scores.columns(own))
    if let memory {
      Products.multiply(.plain(context), .transposed(memory.value), into: scores.columns(0..<front))
    }
    if let dropout { kernels.dropout(scores, dropout.mask, first: dropout.first) }
    kernels.softmaxBackward(attention, scores)
    backward(scores: scores, tables: tables, into: gradients, kernels, buffers)
  }

  /// Adds the gradients of queries, keys and tables of one head of one sequence, from those of its scores.
  ///
  /// - Parameters:
  ///   - scores: dS [M, memory + N].
  ///   - tables: K and the scaled Q as rows [2 · span, D]; required where there are distances and a table.
  ///   - gradients: where to add; those of values stay.
  ///   - kernels: what it computes with.
  ///   - buffers: where scratch comes from.
  public func backward(
    scores: Rows, tables: (key: Rows?, query: Rows?), into gradients: AttentionHeadGradients,
    _ kernels: VectorKernels, _ buffers: Buffers
  ) {
    let (queries, tokens, columns) = (query.rows, key.rows, scores.columns)
    let front = columns - tokens
    let own = front..<columns
    let reached = (
      key: distances.flatMap { reachedRows($0.keyRows, of: tables.key) },
      query: distances.flatMap { reachedRows($0.queryRows, of: tables.query) }
    )
    let scratch = Scratch(
      buffers,
      capacities: [Scratch.size(queries, reached.key?.count ?? 0), Scratch.size(tokens, reached.query?.count ?? 0)])
    let ofTokens = scores.columns(own)
    add(.plain(ofTokens), .plain(key), to: gradients.query, scale: scale)
    add(.transposed(ofTokens), .plain(query), to: gradients.key, scale: scale)
    if let memory {
      let ofMemory = scores.columns(0..<front)
      add(.plain(ofMemory), .plain(memory.key), to: gradients.query, scale: scale)
      add(.transposed(ofMemory), .plain(query), to: gradients.memory.key, scale: scale)
    }
    guard let distances else { return }
    let ofQueries = reached.key.map { scratch.cleared(queries, $0.count) }
    let ofKeys = reached.query.map { scratch.cleared(tokens, $0.count) }
    kernels.collectPositions(
      ofTokens, positions: positions, distances, ofQueries: ofQueries?.counted(from: reached.key?.lowerBound ?? 0),
      ofKeys: ofKeys?.counted(from: reached.query?.lowerBound ?? 0))
    if let ofQueries, let table = tables.key, let rows = reached.key {
      add(.plain(ofQueries), .plain(table.slice(rows)), to: gradients.query, scale: scale)
      add(.transposed(ofQueries), .plain(query), to: gradients.tables.key?.slice(rows), scale: scale)
      addPositions(ofQueries, table.slice(rows), to: gradients, rows, kernels, buffers)
    }
    if let ofKeys, let table = tables.query, let rows = reached.query {
      add(.plain(ofKeys), .plain(table.slice(rows)), to: gradients.key)
      add(.transposed(ofKeys), .plain(key), to: gradients.tables.query?.slice(rows))
    }
  }

  /// The gradients of P and, through P, of K: dP[i] += U_i K, dK += Uᵀ P.
  private func addPositions(
    _ ofQueries: Rows, _ table: Rows, to gradients: AttentionHeadGradients, _ reached: Range<Int>,
    _ kernels: VectorKernels, _ buffers: Buffers
  ) {
    guard let queryPositions else { return }
    for row in 0..<query.rows {
      let own = position(ofQuery: row)
      let (position, sums) = (queryPositions.slice(own..<own + 1), ofQueries.slice(row..<row + 1))
      add(.plain(sums), .plain(table), to: gradients.queryPositions?.slice(own..<own + 1))
      add(.transposed(sums), .plain(position), to: gradients.tables.key?.slice(reached))
    }
  }

  private func add(_ a: Products.Operand, _ b: Products.Operand, to y: Rows?, scale: Float = 1) {
    if let y { Products.multiply(a, b, into: y, scale: scale, accumulate: true) }
  }

  /// The rows of a table that the distances of this sequence name.
  private func reachedRows(_ rows: UnsafePointer<Int32>, of table: Rows?) -> Range<Int>? {
    guard table != nil else { return nil }
    let tokens = key.rows
    let farthest = positions.map { Int($0[tokens - 1] - $0[0]) } ?? tokens - 1
    var (least, most) = (rows[0], rows[0])
    for distance in -farthest...farthest {
      least = min(least, rows[distance])
      most = max(most, rows[distance])
    }
    return Int(least)..<Int(most) + 1
  }
}

extension Scratch {
  /// A piece for rows of zeros.
  fileprivate func cleared(_ rows: Int, _ columns: Int) -> Rows {
    let cleared = self.rows(rows, columns)
    cleared.base.update(repeating: 0, count: rows * cleared.stride)
    return cleared
  }
}
