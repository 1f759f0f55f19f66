internal import Glibc
internal import Kernels

extension Pass {
  /// y[m] = Σ x[m, h] z[m, h]. x, z [M, H], y [M, 1].
  public func rowProducts(_ x: Tensor, _ z: Tensor, into y: Tensor) {
    compute.forEachBlock(of: x.rows) { rows in
      for row in rows {
        let (a, b) = (x.pointer + row * x.stride, z.pointer + row * z.stride)
        var sum: Float = 0
        for column in 0..<x.columns { sum += a[column] * b[column] }
        y.pointer[row * y.stride] = sum
      }
    }
  }

  /// softmax of each row, in place; for rows of few columns.
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
  }

  /// y[m] += f[m] x[m], or y[m] = f[m] x[m]. x, y [M, H], f [M, 1].
  public func add(_ x: Tensor, timesRows f: Tensor, to y: Tensor, replacing: Bool = false) {
    compute.forEachBlock(of: x.rows) { rows in
      for row in rows {
        compute.kernels.scale(
          x.values.slice(row..<row + 1), by: f.pointer[row * f.stride], into: y.values.slice(row..<row + 1),
          accumulate: !replacing)
      }
    }
  }
}
