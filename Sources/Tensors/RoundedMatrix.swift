public import Kernels

/// A matrix of rounded weights in memory of its own.
///
/// `@unchecked Sendable`: the memory is written by `round` alone, before the matrix is shared.
public final class RoundedMatrix: @unchecked Sendable {
  public let values: RoundedWeights
  private let base: UnsafeMutablePointer<Float>
  private let count: Int
  private let buffers: Buffers

  /// A matrix that is still to be rounded, in memory of a pool.
  public init(rows: Int, columns: Int, _ rounding: Rounding, from buffers: Buffers) {
    let bytes = rows * columns * rounding.byteCount
    count = rows + (bytes + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
    self.buffers = buffers
    base = buffers.borrow(count)
    values = RoundedWeights(
      UnsafeMutableRawPointer(base + rows), scales: base, rounding, rows: rows, columns: columns)
  }

  deinit { buffers.giveBack(base, count: count) }

  /// Rounds rows of any type to this matrix.
  public func round(_ w: WeightRows, _ compute: Compute) {
    let count = w.rows * w.columns
    let memory = compute.buffers.borrow(count)
    defer { compute.buffers.giveBack(memory, count: count) }
    let wide = Rows(memory, rows: w.rows, columns: w.columns)
    compute.kernels.widen(w, into: wide)
    compute.kernels.round(wide, to: values)
  }
}
