import Kernels
import Tensors
import TestSupport

/// Rows in memory of their own, with a gap behind each row that must stay as it is.
///
/// The gaps are not numbers: a kernel that reads them spoils its result.
final class Matrix {
  let rows: Int
  let columns: Int
  let stride: Int
  private let base: UnsafeMutablePointer<Float>
  private static let gap = Float(bitPattern: 0x7FC0_1234)

  init(_ rows: Int, _ columns: Int, gap: Int = 5, value: (Int, Int) -> Float = { _, _ in Matrix.gap }) {
    self.rows = rows
    self.columns = columns
    stride = columns + gap
    base = .allocate(capacity: max(rows * stride, 1))
    for row in 0..<rows {
      for column in 0..<stride { base[row * stride + column] = column < columns ? value(row, column) : Self.gap }
    }
  }

  deinit { base.deallocate() }

  /// Values of the standard normal distribution times a factor.
  static func random(_ rows: Int, _ columns: Int, gap: Int = 5, times factor: Float = 1, seed: UInt64) -> Matrix {
    var random = RandomNumbers(seed: seed)
    return Matrix(rows, columns, gap: gap) { _, _ in factor * random.normal() }
  }

  /// The matrix packed, as a method so that its memory lives until it is.
  func packed(_ kernels: VectorKernels) -> PackedWeight { PackedWeight(WeightRows(values), kernels: kernels) }

  /// The values in place, for as long as the matrix is held by a name.
  var values: Rows { Rows(base, rows: rows, columns: columns, stride: stride) }
  var pointer: UnsafeMutablePointer<Float> { base }

  subscript(row: Int, column: Int) -> Float { base[row * stride + column] }

  func row(_ row: Int) -> [Float] { (0..<columns).map { self[row, $0] } }

  /// The values, row after row.
  var array: [Float] { (0..<rows).flatMap(row) }

  var copy: Matrix { Matrix(rows, columns, gap: stride - columns) { self[$0, $1] } }

  /// Whether nothing was written behind the rows.
  var gapsAreUntouched: Bool {
    (0..<rows).allSatisfy { row in
      (columns..<stride).allSatisfy { base[row * stride + $0].bitPattern == Self.gap.bitPattern }
    }
  }
}

/// The instruction sets of this processor.
let instructionSets = VectorKernels.InstructionSet.allCases.filter { VectorKernels($0) != nil }

/// The kernels for an instruction set of this processor.
func kernels(_ set: VectorKernels.InstructionSet) throws -> VectorKernels {
  guard let kernels = VectorKernels(set) else { throw Missing(set: set) }
  return kernels
}

struct Missing: Error {
  let set: VectorKernels.InstructionSet
}
