internal import Glibc
internal import Kernels

extension Pass {
  /// The rows of x at the given indices; nil is a row of zeros. dx[index] += dy.
  public func gather(_ x: Tensor, rows: [Int?]) -> Tensor {
    let y = tensor(rows: rows.count, columns: x.columns)
    for (to, from) in rows.enumerated() {
      let target = y.pointer + to * y.stride
      if let from {
        target.update(from: x.pointer + from * x.stride, count: x.columns)
      } else {
        target.update(repeating: 0, count: x.columns)
      }
    }
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return y }
    tape.record(y) { [kernels] dy in
      let target = dx.values
      for (from, to) in rows.enumerated() {
        guard let to else { continue }
        kernels.scale(
          dy.values.slice(from..<from + 1), by: 1, into: target.values.slice(to..<to + 1), accumulate: true)
      }
    }
    return y
  }

  /// The values of x at the given places, counted row by row, as rows [rows, columns]: a permutation, or a part.
  public func gather(_ x: Tensor, elements: [Int], rows: Int, columns: Int) -> Tensor {
    precondition(elements.count == rows * columns, "\(elements.count) elements for [\(rows), \(columns)]")
    let y = tensor(rows: rows, columns: columns)
    for (to, from) in elements.enumerated() {
      y[to / columns, to % columns] = x[from / x.columns, from % x.columns]
    }
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return y }
    let width = x.columns
    tape.record(y) { dy in
      let target = dx.values
      for (from, to) in elements.enumerated() {
        target.add(dy[from / columns, from % columns], to / width, to % width)
      }
    }
    return y
  }

  /// The transposed matrix, a copy.
  public func transposed(_ x: Tensor) -> Tensor {
    gather(
      x, elements: (0..<x.columns).flatMap { column in (0..<x.rows).map { $0 * x.columns + column } },
      rows: x.columns, columns: x.rows)
  }

  /// The Euclidean length of each row, [1, rows]: dx = dy x / |x|.
  public func rowNorms(_ x: Tensor) -> Tensor {
    let y = tensor(rows: 1, columns: x.rows)
    for row in 0..<x.rows {
      let values = x.pointer + row * x.stride
      let square = (0..<x.columns).reduce(0.0) { $0 + Double(values[$1]) * Double(values[$1]) }
      y.pointer[row] = Float(square.squareRoot())
    }
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return y }
    let (input, norms) = (tape.saved(x), tape.saved(y))
    tape.record(y) { [kernels] dy in
      let (x, target) = (input.value, dx.values)
      for row in 0..<x.rows where norms.value.pointer[row] > 0 {
        kernels.scale(
          x.values.slice(row..<row + 1), by: dy.pointer[row] / norms.value.pointer[row],
          into: target.values.slice(row..<row + 1), accumulate: true)
      }
    }
    return y
  }

  /// For each run of rows the mean of sigmoid(x), [runs, 1]; 0 for an empty run. x [M, 1]
  public func sigmoidMeans(_ x: Tensor, of runs: [Range<Int>]) -> Tensor {
    let y = tensor(rows: runs.count, columns: 1)
    for (index, run) in runs.enumerated() {
      let total = run.reduce(Float(0)) { $0 + 1 / (1 + expf(-x[$1, 0])) }
      y[index, 0] = run.isEmpty ? 0 : total / Float(run.count)
    }
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return y }
    let input = tape.saved(x)
    tape.record(y) { dy in
      let (x, target) = (input.value, dx.values)
      for (index, run) in runs.enumerated() {
        for row in run {
          let open = 1 / (1 + expf(-x[row, 0]))
          target.add(dy[index, 0] * open * (1 - open) / Float(run.count), row, 0)
        }
      }
    }
    return y
  }

  /// y[m] = Σ x[m, h] z[m, h]. x, z [M, H], y [M, 1]; dx = dy z, dz = dy x.
  public func rowProducts(_ x: Tensor, _ z: Tensor, into y: Tensor) {
    compute.forEachBlock(of: x.rows) { rows in
      for row in rows { y.pointer[row * y.stride] = rowProduct(x, z, row) }
    }
    changed(y)
    guard let tape = tape(following: x, z, y) else { return }
    let (dx, dz) = (tape.gradient(x), tape.gradient(z))
    let (left, right) = (tape.saved(x), tape.saved(z))
    let wasTracked = tape.tracks(y)
    tape.record(y) { [compute] dy in
      dx?.add { compute.add(right.value, timesRows: dy, to: $0, replacing: $1) }
      dz?.add { compute.add(left.value, timesRows: dy, to: $0, replacing: $1) }
      if wasTracked { compute.clear(dy) }
    }
  }

  /// softmax of each row, in place; for rows of few columns. dx = y (dy - Σ y dy)
  public func softmax(_ x: Tensor) {
    for row in 0..<x.rows {
      let values = UnsafeMutableBufferPointer(start: x.pointer + row * x.stride, count: x.columns)
      let largest = values.max() ?? 0
      var sum: Float = 0
      for column in values.indices {
        values[column] = expf(values[column] - largest)
        sum += values[column]
      }
      for column in values.indices { values[column] /= sum }
    }
    changed(x)
    guard let tape = tape(following: x) else { return }
    let result = tape.saved(x)
    tape.record(x) { [kernels] dy in kernels.softmaxBackward(result.value.values, dy.values) }
  }

  /// y[m] += f[m] x[m], or y[m] = f[m] x[m]. x, y [M, H], f [M, 1]; dx = f dy, df = Σ dy x.
  public func add(_ x: Tensor, timesRows f: Tensor, to y: Tensor, replacing: Bool = false) {
    compute.add(x, timesRows: f, to: y, replacing: replacing)
    changed(y)
    guard let tape = tape(following: x, f, replacing ? y : nil) else { return }
    let (dx, df) = (tape.gradient(x), tape.gradient(f))
    let (input, factors) = (tape.saved(x), tape.saved(f))
    let replacesTracked = replacing && tape.tracks(y)
    tape.record(y) { [compute] dy in
      dx?.add { compute.add(dy, timesRows: factors.value, to: $0, replacing: $1) }
      if let target = df?.values {
        for row in 0..<dy.rows { target.add(rowProduct(dy, input.value, row), row, 0) }
      }
      if replacesTracked { compute.clear(dy) }
    }
  }
}

/// Σ x[row, h] z[row, h]
private func rowProduct(_ x: Tensor, _ z: Tensor, _ row: Int) -> Float {
  let (a, b) = (x.pointer + row * x.stride, z.pointer + row * z.stride)
  var sum: Float = 0
  for column in 0..<x.columns { sum += a[column] * b[column] }
  return sum
}

extension Compute {
  fileprivate func add(_ x: Tensor, timesRows f: Tensor, to y: Tensor, replacing: Bool) {
    forEachBlock(of: x.rows) { rows in
      for row in rows {
        kernels.scale(
          x.values.slice(row..<row + 1), by: f.pointer[row * f.stride], into: y.values.slice(row..<row + 1),
          accumulate: !replacing)
      }
    }
  }
}
