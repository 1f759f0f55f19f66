/// A weighted sum of low-rank products, Σ wᵢ Bᵢ Aᵢ [outputs, inputs], and its best approximation of a given rank.
///
/// The sum equals one product B A of concatenated factors. With A = L Q, where Q has orthonormal rows, the singular
/// values of B A are those of B L, whose width is the sum of the ranks; one-sided Jacobi rotations compute them in
/// float64.
///
/// Source: Golub and Van Loan, "Matrix Computations", 8.6.3.
struct LowRankProduct {
  /// The columns of B L, [outputs] each; after `init` they are orthogonal, longest first: U S.
  private var columns: [[Double]] = []
  /// The matching rows of the other factor, [inputs]: Vᵀ.
  private var rows: [[Double]] = []
  private let inputs, outputs: Int

  /// - Parameter terms: Aᵢ [rᵢ, inputs], Bᵢ [outputs, rᵢ], and weights.
  init(_ terms: [(a: [Float], b: [Float], weight: Double)], inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
    // Orthonormal rows of Q, and L by columns: a row of A is Σ_k L[row, k] q_k.
    var orthonormal: [[Double]] = []
    var products: [[Double]] = []
    for term in terms {
      let rank = term.a.count / max(inputs, 1)
      for index in 0..<rank {
        var row = term.a[index * inputs..<(index + 1) * inputs].map { Double($0) }
        let column = (0..<outputs).map { term.weight * Double(term.b[$0 * rank + index]) }
        let length = Self.dot(row, row).squareRoot()
        var parts = [Double](repeating: 0, count: orthonormal.count)
        // Twice, to remove the rounding error of the first pass.
        for _ in 0..<2 {
          for (number, other) in orthonormal.enumerated() {
            let part = Self.dot(row, other)
            parts[number] += part
            Self.add(other, times: -part, to: &row)
          }
        }
        let rest = Self.dot(row, row).squareRoot()
        if rest > 1e-10 * length, orthonormal.count < inputs {
          orthonormal.append(row.map { $0 / rest })
          products.append([Double](repeating: 0, count: outputs))
          parts.append(rest)
        }
        for (number, part) in parts.enumerated() { Self.add(column, times: part, to: &products[number]) }
      }
    }
    (columns, rows) = (products, orthonormal)
    diagonalize()
    let order = columns.indices.sorted { Self.dot(columns[$0], columns[$0]) > Self.dot(columns[$1], columns[$1]) }
    (columns, rows) = (order.map { columns[$0] }, order.map { rows[$0] })
  }

  /// A = Vᵀ [rank, inputs] and B = U S [outputs, rank] for the largest singular values, padded with rows of 0.
  func truncated(to rank: Int) -> (a: [Float], b: [Float]) {
    var a = [Float](repeating: 0, count: rank * inputs)
    var b = [Float](repeating: 0, count: outputs * rank)
    for index in 0..<min(rank, columns.count) {
      for input in 0..<inputs { a[index * inputs + input] = Float(rows[index][input]) }
      for output in 0..<outputs { b[output * rank + index] = Float(columns[index][output]) }
    }
    return (a, b)
  }

  /// Rotates pairs of columns, and the matching rows, until all columns are orthogonal.
  private mutating func diagonalize() {
    for _ in 0..<60 {
      var isDone = true
      for p in columns.indices {
        for q in columns.indices.dropFirst(p + 1) {
          let (pp, qq) = (Self.dot(columns[p], columns[p]), Self.dot(columns[q], columns[q]))
          let pq = Self.dot(columns[p], columns[q])
          guard abs(pq) > 1e-14 * (pp * qq).squareRoot() else { continue }
          isDone = false
          let zeta = (qq - pp) / (2 * pq)
          let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          Self.rotate(&columns, p, q, cosine, cosine * tangent)
          Self.rotate(&rows, p, q, cosine, cosine * tangent)
        }
      }
      if isDone { return }
    }
  }

  private static func rotate(_ vectors: inout [[Double]], _ p: Int, _ q: Int, _ cosine: Double, _ sine: Double) {
    for index in vectors[p].indices {
      let (x, y) = (vectors[p][index], vectors[q][index])
      vectors[p][index] = cosine * x - sine * y
      vectors[q][index] = sine * x + cosine * y
    }
  }

  private static func dot(_ x: [Double], _ y: [Double]) -> Double {
    var sum = 0.0
    for index in x.indices { sum += x[index] * y[index] }
    return sum
  }

  private static func add(_ x: [Double], times factor: Double, to y: inout [Double]) {
    for index in y.indices { y[index] += factor * x[index] }
  }
}
