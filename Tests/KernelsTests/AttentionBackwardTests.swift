import Kernels
import TestSupport
import Testing

/// The gradients of everything that a head reads, row after row.
private struct HeadGradients {
  var query, key, value: [Double]
  var memoryKey, memoryValue: [Double]
  /// In the order of distances, the query table's of the scaled one.
  var keyTable, queryTable: [Double]

  var named: [(name: String, values: [Double])] {
    [
      ("query", query), ("key", key), ("value", value), ("memory keys", memoryKey), ("memory values", memoryValue),
      ("key table", keyTable), ("query table", queryTable),
    ]
  }
}

extension NaiveHead {
  /// A table with its correction, as rows in the order of distances.
  fileprivate func rows(_ table: Matrix, _ correction: (right: Matrix, left: Matrix)?) -> Matrix {
    Matrix(table.rows, size, gap: 3) { row, column in
      var value = table[row, column]
      if let correction {
        for r in 0..<correction.left.rows { value += correction.right[row, r] * correction.left[r, column] }
      }
      return value
    }
  }

  /// The gradients by their definition, and the sums of their terms' sizes.
  ///
  /// - Parameters:
  ///   - slopes: dC.
  ///   - factors: what dropout multiplies each weight by, [queries, memory + N].
  fileprivate func gradients(_ slopes: Matrix, factors: Matrix?) -> (HeadGradients, sizes: HeadGradients) {
    let front = memory?.key.rows ?? 0
    let columns = front + tokens
    let probabilities = compute().probabilities
    let scale = Double(scale)
    let keyRows = keyTable.map { rows($0, keyCorrection) }
    let queryRows = queryTable.map { rows($0, queryCorrection) }
    func zeros(_ rows: Int) -> [Double] { Array(repeating: 0, count: rows * size) }
    let none = HeadGradients(
      query: zeros(queries), key: zeros(tokens), value: zeros(tokens), memoryKey: zeros(front),
      memoryValue: zeros(front), keyTable: zeros(keyTable == nil ? 0 : 2 * Self.span),
      queryTable: zeros(queryTable == nil ? 0 : 2 * Self.span))
    var (sums, sizes) = (none, none)
    func add(_ path: WritableKeyPath<HeadGradients, [Double]>, _ row: Int, _ value: (Int) -> Double) {
      for column in 0..<size {
        sums[keyPath: path][row * size + column] += value(column)
        sizes[keyPath: path][row * size + column] += abs(value(column))
      }
    }
    for i in 0..<queries {
      func factor(_ j: Int) -> Double { factors.map { Double($0[i, j]) } ?? 1 }
      func value(_ j: Int, _ column: Int) -> Double {
        Double(j < front ? memory?.value[j, column] ?? 0 : v[j - front, column])
      }
      let p = Array(probabilities[i * columns..<(i + 1) * columns])
      let dp = (0..<columns).map { j in
        factor(j) * (0..<size).reduce(0) { $0 + Double(slopes[i, $1]) * value(j, $1) }
      }
      let sum = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
      for j in 0..<columns {
        let ds = p[j] * (dp[j] - sum)
        let applied = p[j] * factor(j)
        if j < front {
          add(\.memoryValue, j) { applied * Double(slopes[i, $0]) }
          add(\.memoryKey, j) { scale * ds * Double(q[i, $0]) }
          add(\.query, i) { scale * ds * Double(memory?.key[j, $0] ?? 0) }
          continue
        }
        let token = j - front
        let row = self.row(position(i) - position(token))
        add(\.value, token) { applied * Double(slopes[i, $0]) }
        add(\.query, i) { scale * ds * Double(k[token, $0]) }
        add(\.key, token) { scale * ds * Double(q[i, $0]) }
        if let keyRows {
          add(\.query, i) { scale * ds * Double(keyRows[row, $0]) }
          add(\.keyTable, row) { scale * ds * Double(q[i, $0]) }
        }
        if let queryRows {
          add(\.key, token) { ds * Double(queryRows[row, $0]) }
          add(\.queryTable, row) { ds * Double(k[token, $0]) }
        }
      }
    }
    return (sums, sizes)
  }

  /// The same through the kernel, on top of ones.
  fileprivate func backward(_ slopes: Matrix, mask: DropoutMask?, _ kernels: VectorKernels) -> HeadGradients {
    let front = memory?.key.rows ?? 0
    func ones(_ rows: Int) -> Matrix { Matrix(rows, size, gap: 5) { _, _ in 1 } }
    let (dq, dk, dv, mk, mv) = (ones(queries), ones(tokens), ones(tokens), ones(front), ones(front))
    let (dkt, dqt) = (ones(2 * Self.span), ones(2 * Self.span))
    let attention = run(kernels).probabilities
    // Tables of keys are kept in reverse.
    let keyRows = keyTable.map { reversed(rows($0, keyCorrection)) }
    let queryRows = queryTable.map { rows($0, queryCorrection) }
    var into = AttentionHeadGradients()
    (into.query, into.key, into.value) = (dq.values, dk.values, dv.values)
    if memory != nil { into.memory = (mk.values, mv.values) }
    into.tables = (keyRows.map { _ in dkt.values }, queryRows.map { _ in dqt.values })
    withHead(Matrix(queries, size)) { head in
      var head = head
      head.dropout = mask.map { ($0, 11) }
      head.backward(
        slopes.values, attention: attention.values, tables: (keyRows?.values, queryRows?.values), into: into, kernels,
        Buffers())
    }
    withExtendedLifetime((keyRows, queryRows)) {}
    for matrix in [dq, dk, dv, mk, mv, dkt, dqt] { #expect(matrix.gapsAreUntouched) }
    func sums(_ matrix: Matrix) -> [Double] { matrix.array.map { Double($0) - 1 } }
    return HeadGradients(
      query: sums(dq), key: sums(dk), value: sums(dv), memoryKey: sums(mk), memoryValue: sums(mv),
      keyTable: keyTable == nil ? [] : sums(reversed(dkt)), queryTable: queryTable == nil ? [] : sums(dqt))
  }
}

@Suite struct AttentionBackwardTests {
  /// Of all tokens, and of the first ones alone.
  @Test(arguments: HeadCase.all, [(1, 1), (2, 2), (7, 7), (57, 57), (130, 130), (130, 1), (130, 60)])
  func `A head's gradients follow their definition`(
    _ headCase: HeadCase, _ counts: (tokens: Int, queries: Int)
  ) throws {
    let tokens = counts.tokens
    var head = headCase.head(tokens: tokens)
    head.queries = counts.queries
    let slopes = Matrix.random(head.queries, head.size, gap: 9, seed: 31)
    for mask in [nil, DropoutMask(key: 5, probability: 0.25)] {
      let columns = tokens + (head.memory?.key.rows ?? 0)
      for set in instructionSets {
        let kernels = try kernels(set)
        let factors = mask.map { mask in
          let factors = Matrix(counts.queries, columns, gap: 0) { _, _ in 1 }
          kernels.dropout(factors.values, mask, first: 11)
          return factors
        }
        let (expected, sizes) = head.gradients(slopes, factors: factors)
        let found = head.backward(slopes, mask: mask, kernels)
        for (ours, (own, size)) in zip(found.named, zip(expected.named, sizes.named)) {
          // The sum stands on 1.
          expectClose(ours.values, own.values, .op, sizes: size.values.map { $0 + 1 }, "\(ours.name), \(set)")
        }
      }
    }
  }

  /// Negative control: the gradients of a head with one part less are others.
  @Test func `Every part of a head changes its gradients`() {
    let whole = HeadCase(terms: .both, extra: .everything).head(tokens: 57)
    let slopes = Matrix.random(57, whole.size, seed: 31)
    let expected = whole.gradients(slopes, factors: nil).0.query
    for part in [\NaiveHead.keyTable, \.queryTable] {
      var head = whole
      head[keyPath: part] = nil
      expectFarOff(head.gradients(slopes, factors: nil).0.query, expected, by: .op)
    }
    var backwards = HeadCase(terms: .both, extra: .nothing).head(tokens: 57)
    let forwards = backwards.gradients(slopes, factors: nil).0
    backwards.runsBackwards = true
    expectFarOff(backwards.gradients(slopes, factors: nil).0.keyTable, forwards.keyTable, by: .op)
    let mask = Matrix(57, 57) { ($0 + $1) % 3 == 0 ? 0 : 1.5 }
    backwards.runsBackwards = false
    expectFarOff(backwards.gradients(slopes, factors: mask).0.value, forwards.value, by: .op)
  }

  @Test func `What is not asked for is not computed, and the rest is the same`() throws {
    let head = HeadCase(terms: .both, extra: .memory).head(tokens: 20)
    let slopes = Matrix.random(20, head.size, seed: 31)
    let kernels = try kernels(.portable)
    let all = head.backward(slopes, mask: nil, kernels)
    let attention = head.run(kernels).probabilities
    let dv = Matrix(20, head.size) { _, _ in 1 }
    var into = AttentionHeadGradients()
    into.value = dv.values
    head.withHead(Matrix(20, head.size)) {
      $0.backward(
        slopes.values, attention: attention.values, tables: (nil, nil), into: into, kernels, Buffers())
    }
    expectClose(dv.array.map { Double($0) - 1 }, all.value, .exact)
  }
}
