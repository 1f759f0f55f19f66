internal import COpenBLAS

/// Products of two matrices that are used once, through OpenBLAS.
///
/// Matrices that are used again and again are packed instead (`PackedMatrix`).
public enum Products {
  /// OpenBLAS must not start threads of its own beside ours.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// y [M, N] = scale a [M, K] b [K, N] (+ y).
  public static func multiply(_ a: Rows, _ b: Rows, into y: Rows, scale: Float = 1, accumulate: Bool = false) {
    precondition(
      a.columns == b.rows && y.rows == a.rows && y.columns == b.columns,
      "[\(a.rows), \(a.columns)] by [\(b.rows), \(b.columns)] does not give [\(y.rows), \(y.columns)]")
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(y.rows), Int32(y.columns), Int32(a.columns), scale, a.base,
      Int32(a.stride), b.base, Int32(b.stride), accumulate ? 1 : 0, y.base, Int32(y.stride))
  }
}
