internal import CKernels

/// The element type of a weight.
///
/// Arithmetic is in float32 whatever the type: halves are widened as they are
/// read, which is exact, so a weight gives the same bits in the type of its
/// file as it would give in float32.
public enum WeightType: Sendable, Hashable, CaseIterable {
  case float32, float16, bfloat16

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float32: 4
    case .float16, .bfloat16: 2
    }
  }

  var code: ck_weight_type {
    switch self {
    case .float32: CK_FLOAT32
    case .float16: CK_FLOAT16
    case .bfloat16: CK_BFLOAT16
    }
  }
}

/// A matrix of weights in memory, as a file stores it: `rows` rows of `columns` elements, `stride` elements apart.
///
/// `@unchecked Sendable`: an address, like `Rows`.
public struct WeightRows: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let type: WeightType
  public let rows: Int
  public let columns: Int
  public let stride: Int

  /// - Precondition: `base` is aligned to the elements.
  public init(_ base: UnsafeMutableRawPointer, _ type: WeightType, rows: Int, columns: Int, stride: Int? = nil) {
    self.base = base
    self.type = type
    self.rows = rows
    self.columns = columns
    self.stride = stride ?? columns
  }

  /// Float32 rows.
  public init(_ rows: Rows) {
    self.init(rows.base, .float32, rows: rows.rows, columns: rows.columns, stride: rows.stride)
  }

  /// The rows of a range, in place.
  public func slice(_ range: Range<Int>) -> WeightRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return WeightRows(
      base + range.lowerBound * stride * type.byteCount, type, rows: range.count, columns: columns, stride: stride)
  }

  /// The address of a row.
  public func row(_ row: Int) -> UnsafeMutableRawPointer { base + row * stride * type.byteCount }
}
