internal import COpenBLAS

/// Products of two matrices that are used once, through OpenBLAS.
///
/// Matrices that are used again and again are packed instead (`PackedWeight`).
public enum Products {
  /// OpenBLAS must not start its own threads next to ours.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// A matrix as it is, or transposed.
  public enum Operand: Sendable {
    case plain(Rows)
    case transposed(Rows)

    fileprivate var matrix: Rows {
      switch self {
      case .plain(let matrix), .transposed(let matrix): matrix
      }
    }

    fileprivate var order: CBLAS_TRANSPOSE {
      switch self {
      case .plain: CblasNoTrans
      case .transposed: CblasTrans
      }
    }

    /// Some of the rows of the operand.
    public func rows(_ range: Range<Int>) -> Operand {
      switch self {
      case .plain(let matrix): .plain(matrix.slice(range))
      case .transposed(let matrix): .transposed(matrix.columns(range))
      }
    }

    /// Some of the columns of the operand.
    public func columns(_ range: Range<Int>) -> Operand {
      switch self {
      case .plain(let matrix): .plain(matrix.columns(range))
      case .transposed(let matrix): .transposed(matrix.slice(range))
      }
    }

    fileprivate var shape: (rows: Int, columns: Int) {
      switch self {
      case .plain(let matrix): (matrix.rows, matrix.columns)
      case .transposed(let matrix): (matrix.columns, matrix.rows)
      }
    }
  }

  /// y [M, N] = scale a [M, K] b [K, N] (+ y).
  public static func multiply(_ a: Operand, _ b: Operand, into y: Rows, scale: Float = 1, accumulate: Bool = false) {
    let (left, right) = (a.shape, b.shape)
    precondition(
      left.columns == right.rows && y.rows == left.rows && y.columns == right.columns,
      "[\(left.rows), \(left.columns)] by [\(right.rows), \(right.columns)] does not give [\(y.rows), \(y.columns)]")
    if y.rows == 0 || y.columns == 0 { return }
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, a.order, b.order, Int32(y.rows), Int32(y.columns), Int32(left.columns), scale, a.matrix.base,
      Int32(a.matrix.stride), b.matrix.base, Int32(b.matrix.stride), accumulate ? 1 : 0, y.base, Int32(y.stride))
  }

  /// y [M, N] = scale a [M, K] b [K, N] (+ y).
  public static func multiply(_ a: Rows, _ b: Rows, into y: Rows, scale: Float = 1, accumulate: Bool = false) {
    multiply(.plain(a), .plain(b), into: y, scale: scale, accumulate: accumulate)
  }
}
