extension Pass {
  /// Σₖ aₖ ⊗ bₖ. a [P, Q] each, b [R, S] each → [P R, Q S]; da[p, q] += Σ dy b, db += Σ a[p, q] dy over each block.
  public func kroneckerSum(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
    precondition(a.count == b.count && !a.isEmpty, "\(a.count) matrices for \(b.count)")
    let y = tensor(rows: a[0].rows * b[0].rows, columns: a[0].columns * b[0].columns)
    compute.clear(y)
    for (a, b) in zip(a, b) {
      a.forEachBlock(like: b, of: y) { row, column, block in compute.add(b, times: a[row, column], to: block) }
    }
    for (a, b) in zip(a, b) {
      guard let tape = tape(following: a, b) else { continue }
      let (da, db) = (tape.gradient(a), tape.gradient(b))
      let (left, right) = (tape.saved(a), tape.saved(b))
      tape.record(y) { [compute] dy in
        let (a, b) = (left.value, right.value)
        let (da, db) = (da?.values, db?.values)
        a.forEachBlock(like: b, of: dy) { row, column, block in
          if let da {
            var sum: Float = 0
            for r in 0..<b.rows { for c in 0..<b.columns { sum += block[r, c] * b[r, c] } }
            da.add(sum, row, column)
          }
          if let db { compute.add(block, times: a[row, column], to: db) }
        }
      }
    }
    return y
  }
}

extension Tensor {
  /// The blocks of y = self ⊗ b with the row and column of self that each belongs to.
  fileprivate func forEachBlock(like b: Tensor, of y: Tensor, _ body: (Int, Int, Tensor) -> Void) {
    for row in 0..<rows {
      for column in 0..<columns {
        body(
          row, column,
          y.rows(row * b.rows..<(row + 1) * b.rows).columns(column * b.columns..<(column + 1) * b.columns))
      }
    }
  }
}
