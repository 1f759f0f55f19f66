internal import COpenBLAS

/// Dense decompositions in float64, by LAPACK. Matrices are rows, one after the other.
public enum LinearAlgebra {
  /// The inverse of a square matrix; NaN throughout, if it is singular.
  public static func inverse(_ matrix: [Double], size: Int) -> [Double] {
    guard size > 0 else { return [] }
    // LAPACK reads columns: it inverts the transposed matrix, and its result is read transposed again.
    var (a, pivots) = (matrix, [Int32](repeating: 0, count: size))
    var result = [Double](repeating: 0, count: size * size)
    for index in 0..<size { result[index * size + index] = 1 }
    var (n, status) = (Int32(size), Int32(0))
    var columns = n
    dgesv_(&n, &columns, &a, &n, &pivots, &result, &n, &status)
    return status == 0 ? result : Array(repeating: .nan, count: size * size)
  }

  /// A = U diag(s) Vᵀ, the singular values falling.
  public struct SingularValues: Sendable {
    /// [rows, k] with k = min(rows, columns).
    public let u: [Double]
    public let values: [Double]
    /// [k, columns]
    public let vt: [Double]
  }

  /// The thin singular value decomposition; nil if LAPACK does not converge.
  public static func singularValues(_ matrix: [Double], rows: Int, columns: Int) -> SingularValues? {
    let rank = min(rows, columns)
    guard rank > 0 else { return SingularValues(u: [], values: [], vt: []) }
    // Read as columns the rows are Aᵀ = V diag(s) Uᵀ: what LAPACK calls u is Vᵀ read as rows.
    var (a, status) = (matrix, Int32(0))
    var (m, n, k) = (Int32(columns), Int32(rows), Int32(rank))
    var values = [Double](repeating: 0, count: rank)
    var (first, second) = ([Double](repeating: 0, count: columns * rank), [Double](repeating: 0, count: rank * rows))
    var integers = [Int32](repeating: 0, count: 8 * rank)
    var (work, size) = ([0.0], Int32(-1))
    var job = Int8(UInt8(ascii: "S"))
    for _ in 0..<2 {
      dgesdd_(&job, &m, &n, &a, &m, &values, &first, &m, &second, &k, &work, &size, &integers, &status)
      guard status == 0 else { return nil }
      if size > 0 { break }
      size = Int32(work[0])
      work = [Double](repeating: 0, count: Int(size))
    }
    return SingularValues(u: second, values: values, vt: first)
  }

  /// The thin QR decomposition: Q [rows, k], R [k, columns] with k = min(rows, columns); nil if LAPACK refuses.
  public static func qr(_ matrix: [Double], rows: Int, columns: Int) -> (q: [Double], r: [Double])? {
    let rank = min(rows, columns)
    guard rank > 0 else { return ([], []) }
    // LAPACK reads columns.
    var a = (0..<columns).flatMap { column in (0..<rows).map { matrix[$0 * columns + column] } }
    var (m, n, k, status) = (Int32(rows), Int32(columns), Int32(rank), Int32(0))
    var tau = [Double](repeating: 0, count: rank)
    var work = [Double](repeating: 0, count: 64 * max(rows, columns))
    var size = Int32(work.count)
    dgeqrf_(&m, &n, &a, &m, &tau, &work, &size, &status)
    guard status == 0 else { return nil }
    let r = (0..<rank).flatMap { row in (0..<columns).map { row <= $0 ? a[$0 * rows + row] : 0 } }
    dorgqr_(&m, &k, &k, &a, &m, &tau, &work, &size, &status)
    guard status == 0 else { return nil }
    return ((0..<rows).flatMap { row in (0..<rank).map { a[$0 * rows + row] } }, r)
  }
}
