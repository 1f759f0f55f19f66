internal import CKernels

// The backward halves of the kernels in VectorKernels.swift.

extension VectorKernels {
  /// dy = dy gelu'(x), in place. x, dy [M, N]
  public func geluBackward(_ x: Rows, _ dy: Rows) {
    precondition(
      x.rows == dy.rows && x.columns == dy.columns, "[\(x.rows), \(x.columns)] for [\(dy.rows), \(dy.columns)]")
    for row in 0..<x.rows {
      table.pointer.pointee.gelu_backward(Int64(x.columns), x.base + row * x.stride, dy.base + row * dy.stride)
    }
  }

  /// The gradient of the x of `layerNorm`, residual included; dx may be dy. Fills `stats` [M, 2] with mean and 1 / deviation.
  public func layerNormBackward(
    _ x: Rows, gain: UnsafePointer<Float>, eps: Float, _ dy: Rows, into dx: Rows, stats: UnsafeMutablePointer<Float>
  ) {
    precondition(
      x.rows == dy.rows && x.columns == dy.columns && x.rows == dx.rows && x.columns == dx.columns,
      "[\(x.rows), \(x.columns)] for [\(dy.rows), \(dy.columns)] into [\(dx.rows), \(dx.columns)]")
    table.pointer.pointee.layer_norm_backward(
      Int64(x.rows), Int64(x.columns), x.base, Int64(x.stride), gain, eps, dy.base, Int64(dy.stride), dx.base,
      Int64(dx.stride), stats)
  }

  /// dp = p (dp - Σ p dp) for each row, in place; p is what `softmax` gave.
  public func softmaxBackward(_ p: Rows, _ dp: Rows) {
    precondition(
      p.rows == dp.rows && p.columns == dp.columns, "[\(p.rows), \(p.columns)] for [\(dp.rows), \(dp.columns)]")
    table.pointer.pointee.softmax_backward(
      Int64(p.rows), Int64(p.columns), p.base, Int64(p.stride), dp.base, Int64(dp.stride))
  }

  /// Adds the gradients of one sequence's scores ds [N, N] up by row of the position tables: the backward of `addPositions`.
  func collectPositions(
    _ ds: Rows, positions: UnsafePointer<Int32>?, _ distances: DistanceRows, ofQueries: Rows?, ofKeys: Rows?
  ) {
    table.pointer.pointee.collect_positions(
      Int64(ds.rows), Int64(ds.columns), ds.base, Int64(ds.stride), positions, distances.keyRows, ofQueries?.base,
      Int64(ofQueries?.stride ?? 0), distances.queryRows, ofKeys?.base, Int64(ofKeys?.stride ?? 0))
  }

  /// x = 0 with the mask's probability, else x / (1 - probability), in place; `first` numbers the first element.
  public func dropout(_ x: Rows, _ mask: DropoutMask, first: Int = 0) {
    table.pointer.pointee.dropout(
      Int64(x.rows), Int64(x.columns), UInt32(truncatingIfNeeded: first), mask.key, mask.threshold, mask.factor,
      x.base, Int64(x.stride))
  }
}
