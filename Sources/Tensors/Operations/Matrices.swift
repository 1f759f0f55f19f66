internal import Kernels

extension Pass {
  /// x ⊙ z, element by element: dx = dy ⊙ z, dz = dy ⊙ x. All of one shape.
  public func elementProduct(_ x: Tensor, _ z: Tensor) -> Tensor {
    precondition(x.rows == z.rows && x.columns == z.columns, "[\(x.rows), \(x.columns)] by [\(z.rows), \(z.columns)]")
    func product(_ a: Tensor, _ b: Tensor, into y: Tensor, accumulate: Bool = false) {
      for row in 0..<a.rows {
        let (a, b, y) = (a.pointer + row * a.stride, b.pointer + row * b.stride, y.pointer + row * y.stride)
        for column in 0..<x.columns { y[column] = (accumulate ? y[column] : 0) + a[column] * b[column] }
      }
    }
    let y = tensor(rows: x.rows, columns: x.columns)
    product(x, z, into: y)
    tape?.record(y, from: [x, z]) { dy, gradients in
      if let dx = gradients[x] { product(dy, z, into: dx, accumulate: true) }
      if let dz = gradients[z] { product(dy, x, into: dz, accumulate: true) }
    }
    return y
  }

  /// The inverse y of a square matrix, computed in float64: dx = - yᵀ dy yᵀ.
  ///
  /// - Returns: NaN throughout, if the matrix is singular.
  public func inverse(_ x: Tensor) -> Tensor {
    precondition(x.rows == x.columns, "[\(x.rows), \(x.columns)] has no inverse")
    let y = tensor(rows: x.rows, columns: x.columns)
    let values = LinearAlgebra.inverse(x.array.map(Double.init), size: x.rows)
    for row in 0..<x.rows { for column in 0..<x.columns { y[row, column] = Float(values[row * x.columns + column]) } }
    tape?.record(y, from: [x]) { [compute] dy, gradients in
      guard let dx = gradients[x] else { return }
      let half = compute.tensor(rows: x.rows, columns: x.columns)
      compute.product(.transposed(y.values), .plain(dy.values), into: half.values)
      let whole = compute.tensor(rows: x.rows, columns: x.columns)
      compute.product(.plain(half.values), .transposed(y.values), into: whole.values)
      compute.add(whole, times: -1, to: dx)
    }
    return y
  }

  /// The Euclidean length of each column, [1, columns]: dx = x dy / |x|.
  public func columnNorms(_ x: Tensor) -> Tensor {
    var squares = [Double](repeating: 0, count: x.columns)
    for row in 0..<x.rows {
      let values = x.pointer + row * x.stride
      for column in 0..<x.columns { squares[column] += Double(values[column]) * Double(values[column]) }
    }
    let y = Tensor(squares.map { Float($0.squareRoot()) }, rows: 1, columns: x.columns)
    tape?.record(y, from: [x]) { dy, gradients in
      guard let dx = gradients[x] else { return }
      for column in 0..<x.columns where y[0, column] > 0 {
        let factor = dy[0, column] / y[0, column]
        for row in 0..<x.rows { dx[row, column] += factor * x[row, column] }
      }
    }
    return y
  }

  /// A skew-symmetric matrix [size, size] of what stands above its diagonal, row by row, which are
  /// size · (size - 1) / 2 values of x: dx = dy above - dy below.
  public func skewSymmetric(_ x: Tensor, size: Int) -> Tensor {
    let values = x.reshaped(rows: 1, columns: x.rows * x.columns)
    precondition(values.columns == size * (size - 1) / 2, "\(values.columns) values above the diagonal of \(size)")
    let y = tensor(rows: size, columns: size)
    compute.clear(y)
    func forEach(_ body: (_ index: Int, _ row: Int, _ column: Int) -> Void) {
      var index = 0
      for row in 0..<size {
        for column in row + 1..<max(size, row + 1) {
          body(index, row, column)
          index += 1
        }
      }
    }
    forEach { index, row, column in (y[row, column], y[column, row]) = (values[0, index], -values[0, index]) }
    tape?.record(y, from: [values]) { dy, gradients in
      guard let dx = gradients[values] else { return }
      forEach { index, row, column in dx[0, index] += dy[row, column] - dy[column, row] }
    }
    return y
  }
}
