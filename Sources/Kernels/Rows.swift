/// A matrix in memory: `rows` rows of `columns` values, `stride` apart.
///
/// The invariant of every kernel: the memory holds
/// `(rows - 1) * stride + columns` values for as long as the call lasts.
///
/// `@unchecked Sendable`: an address, which carries no claim on what it points to. Loops that are split over threads
/// write disjoint slices of it (`ThreadPool.forEach`).
public struct Rows: @unchecked Sendable {
  public let base: UnsafeMutablePointer<Float>
  public let rows: Int
  public let columns: Int
  public let stride: Int

  public init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// A stride for rows of so many columns: whole cache lines, and never so that all rows fall on the same few lines.
  public static func spread(_ columns: Int) -> Int {
    let lines = (columns + 15) / 16 * 16
    return lines > 0 && lines % 256 == 0 ? lines + 16 : lines
  }

  /// The rows of a range, in place.
  public func slice(_ range: Range<Int>) -> Rows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Rows(base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// The columns of a range, in place.
  public func columns(_ range: Range<Int>) -> Rows {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return Rows(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The same rows counted from another column: column c of the result is column c - first of these.
  func counted(from first: Int) -> Rows { Rows(base - first, rows: rows, columns: columns + first, stride: stride) }
}
