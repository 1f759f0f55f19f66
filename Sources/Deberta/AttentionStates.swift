internal import Kernels
internal import Tensors

/// Queries, keys or values of all heads: columns of a matrix that may hold all three.
struct HeadMatrix {
  /// [T, columns]
  let matrix: Tensor
  /// D
  let size: Int
  /// The first column of the first head, and the stride between heads.
  let first, step: Int

  /// One head's rows in this matrix, or in another of the same shape, such as its gradient.
  func rows(_ rows: Range<Int>, ofHead head: Int) -> Rows {
    matrix.values.slice(rows).columns(columns(ofHead: head))
  }

  func rows(_ rows: Range<Int>, ofHead head: Int, in other: Tensor?) -> Rows? {
    other?.values.slice(rows).columns(columns(ofHead: head))
  }

  func columns(ofHead head: Int) -> Range<Int> { first + head * step..<first + head * step + size }
}

/// Queries, keys and values of a layer. There may be fewer queries than keys.
struct AttentionStates {
  let query, key, value: HeadMatrix

  /// Three matrices, each [tokens, heads · D].
  init(query: Tensor, key: Tensor, value: Tensor, heads: Int) {
    func states(_ x: Tensor) -> HeadMatrix {
      HeadMatrix(matrix: x, size: x.columns / heads, first: 0, step: x.columns / heads)
    }
    (self.query, self.key, self.value) = (states(query), states(key), states(value))
  }

  /// Matrices [tokens, heads · 3 · D] that hold query, key and value for each head.
  init(fusedQueries: Tensor, fused: Tensor, heads: Int) {
    func states(_ x: Tensor, _ part: Int) -> HeadMatrix {
      let size = x.columns / heads / 3
      return HeadMatrix(matrix: x, size: size, first: part * size, step: 3 * size)
    }
    (query, key, value) = (states(fusedQueries, 0), states(fused, 1), states(fused, 2))
  }

  /// The underlying matrices.
  var matrices: [Tensor] { [query.matrix, key.matrix, value.matrix] }
}
