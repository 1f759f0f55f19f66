internal import AdapterHost

/// A matrix in memory of its own, for products through BLAS.
final class BareMatrix {
  private let base: UnsafeMutablePointer<Float>
  private let rows, columns: Int

  /// Values N(0, deviation²).
  init(_ rows: Int, _ columns: Int, deviation: Float, _ random: inout RandomNumbers) {
    (self.rows, self.columns) = (rows, columns)
    base = UnsafeMutableRawPointer.allocate(byteCount: max(rows * columns, 1) * 4, alignment: 64)
      .bindMemory(to: Float.self, capacity: max(rows * columns, 1))
    for index in 0..<rows * columns { (base + index).initialize(to: deviation == 0 ? 0 : deviation * random.normal()) }
  }

  deinit { base.deallocate() }

  var all: BarePart { part(0..<rows, 0..<columns) }

  /// Some of the rows and columns, in place; valid as long as the matrix lives.
  func part(_ rows: Range<Int>, _ columns: Range<Int>) -> BarePart {
    precondition(rows.upperBound <= self.rows && columns.upperBound <= self.columns, "\(rows) x \(columns) of a matrix")
    return BarePart(
      base: base + rows.lowerBound * self.columns + columns.lowerBound, rows: rows.count, columns: columns.count,
      stride: self.columns)
  }
}

/// Rows of values, `stride` apart.
struct BarePart {
  let base: UnsafeMutablePointer<Float>
  let rows, columns, stride: Int
}
