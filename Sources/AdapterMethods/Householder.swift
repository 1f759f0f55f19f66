internal import Tensors

/// Matrices with orthonormal rows, built from Householder reflections as PyTorch stores and computes them.
///
/// Source: PyTorch, `torch/nn/utils/parametrizations.py`, `_Orthogonal` with
/// the orthogonal map `householder` and a base.
enum Householder {
  /// An orthogonal matrix [n, n], row by row: the Q of a random matrix with this many columns.
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
  fileprivate static func reflect(_ x: inout [Double], by v: [Double]) {
    let length = v.reduce(0) { $0 + $1 * $1 }
    guard length > 0 else { return }
    let factor = 2 * zip(v, x).reduce(0) { $0 + $1.0 * $1.1 } / length
    for index in x.indices { x[index] -= factor * v[index] }
  }
}

extension Pass {
  /// R = (Q · H₁ ... H_r E · D)ᵀ, [r, n].
  ///
  /// The strictly lower part of originalᵀ holds the vectors v of the reflections H = 1 - 2 v vᵀ / vᵀ v, with an
  /// implicit 1 as element j. E are the first r columns of the identity; D is the diagonal of the original, truncated
  /// to integers as in PyTorch. For one reflection y = H x:
  ///
  ///     dx = H dy        dv = - 2 / vᵀv ((vᵀ dy) x + (vᵀ x) dy) + 4 (vᵀ x) (vᵀ dy) / (vᵀv)² v
  ///
  /// - Parameters:
  ///   - original: [r, n]
  ///   - base: Q [n, n]
  func householderRows(original: Tensor, base: Tensor) -> Tensor {
    let reflections = Reflections(original)
    let rows = tensor(rows: original.rows, columns: original.columns)
    for column in 0..<original.rows {
      let product = reflections.states(ofColumn: column)[0]
      for row in 0..<original.columns {
        let sum = (0..<original.columns).reduce(0.0) { $0 + Double(base[row, $1]) * product[$1] }
        rows[column, row] = Float(reflections.signs[column] * sum)
      }
    }
    tape?.record(rows, from: [original, base]) { drows, gradients in
      guard let target = gradients[original] else { return }
      for column in 0..<original.rows {
        var gradient = (0..<original.columns).map { index in
          reflections.signs[column]
            * (0..<original.columns).reduce(0.0) { $0 + Double(base[$1, index]) * Double(drows[column, $1]) }
        }
        let states = reflections.states(ofColumn: column)
        for (reflection, v) in reflections.vectors.enumerated() {
          let change = Householder.vectorGradient(v, input: states[reflection + 1], gradient)
          for row in reflection + 1..<original.columns { target[reflection, row] += Float(change[row]) }
          Householder.reflect(&gradient, by: v)
        }
      }
    }
    return rows
  }
}

extension Householder {
  /// dv of y = (1 - 2 v vᵀ / vᵀ v) x.
  fileprivate static func vectorGradient(_ v: [Double], input x: [Double], _ dy: [Double]) -> [Double] {
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let (length, ofInput, ofGradient) = (dot(v, v), dot(v, x), dot(v, dy))
    return v.indices.map {
      -2 / length * (ofGradient * x[$0] + ofInput * dy[$0]) + 4 * ofInput * ofGradient / (length * length) * v[$0]
    }
  }
}

/// The reflections stored in a matrix [r, n].
private struct Reflections {
  let vectors: [[Double]]
  /// The diagonal, truncated to integers.
  let signs: [Double]

  init(_ original: Tensor) {
    vectors = (0..<original.rows).map { reflection in
      (0..<original.columns).map { row in
        row < reflection ? 0 : row == reflection ? 1 : Double(original[reflection, row])
      }
    }
    signs = (0..<original.rows).map { Double(original[$0, $0]).rounded(.towardZero) }
  }

  /// The states of a column of the identity: [j] is H_{j + 1} ... H_r e, [0] the full product with e.
  func states(ofColumn column: Int) -> [[Double]] {
    var state = vectors[0].indices.map { $0 == column ? 1.0 : 0.0 }
    var states = [state]
    for vector in vectors.reversed() {
      Householder.reflect(&state, by: vector)
      states.append(state)
    }
    return states.reversed()
  }
}
