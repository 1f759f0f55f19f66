internal import Tensors

/// Matrices with orthonormal rows, made of Householder reflections, as PyTorch stores and makes them.
///
/// Source: PyTorch, `torch/nn/utils/parametrizations.py`, `_Orthogonal` with
/// the orthogonal map `householder` and a base.
enum Householder {
  /// R = (Q · H₁ ... H_r E · D)ᵀ, [r, n].
  ///
  /// The strictly lower part of originalᵀ holds the vectors v of the
  /// reflections H = 1 - 2 v vᵀ / vᵀ v, whose own element j is 1; E are the
  /// first r columns of the identity; D is the diagonal of the original, cut
  /// to whole numbers, as PyTorch does.
  ///
  /// - Parameters:
  ///   - original: [r, n]
  ///   - base: Q [n, n]
  static func rows(original: Tensor, base: Tensor) -> Tensor {
    let (rank, size) = (original.rows, original.columns)
    func value(_ x: Tensor, _ row: Int, _ column: Int) -> Double { Double(x.pointer[row * x.stride + column]) }
    var result: [Float] = []
    for column in 0..<rank {
      var product = (0..<size).map { $0 == column ? 1.0 : 0.0 }
      for reflection in (0..<rank).reversed() {
        reflect(
          &product,
          by: (0..<size).map { row in
            row < reflection ? 0 : row == reflection ? 1 : value(original, reflection, row)
          })
      }
      let sign = value(original, column, column).rounded(.towardZero)
      for row in 0..<size {
        result.append(Float(sign * (0..<size).reduce(0) { $0 + value(base, row, $1) * product[$1] }))
      }
    }
    return Tensor(result, rows: rank, columns: size)
  }

  /// An orthogonal matrix [n, n], row after row: the Q of a random matrix of so many columns.
  static func orthogonal(size: Int, columns: Int, _ random: inout RandomNumbers) -> [Float] {
    var rest = (0..<columns).map { _ in (0..<size).map { _ in Double(random.normal()) } }
    var reflections: [[Double]] = []
    for column in rest.indices {
      var vector = rest[column].enumerated().map { $0.offset < column ? 0 : $0.element }
      let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
      vector[column] += vector[column] < 0 ? -length : length
      for other in rest.indices[column...] { reflect(&rest[other], by: vector) }
      reflections.append(vector)
    }
    // Row i of H₁ ... H_r is H_r ... H₁ applied to the unit vector i.
    return (0..<size).flatMap { row -> [Float] in
      var unit = (0..<size).map { $0 == row ? 1.0 : 0.0 }
      for reflection in reflections { reflect(&unit, by: reflection) }
      return unit.map { Float($0) }
    }
  }

  /// x - 2 v (vᵀ x) / (vᵀ v), in place.
  private static func reflect(_ x: inout [Double], by v: [Double]) {
    let length = v.reduce(0) { $0 + $1 * $1 }
    guard length > 0 else { return }
    let factor = 2 * zip(v, x).reduce(0) { $0 + $1.0 * $1.1 } / length
    for index in x.indices { x[index] -= factor * v[index] }
  }
}

extension Tensor {
  /// The transposed matrix, a copy.
  var transposed: Tensor {
    Tensor(
      (0..<columns).flatMap { column in (0..<rows).map { pointer[$0 * stride + column] } }, rows: columns, columns: rows
    )
  }
}
