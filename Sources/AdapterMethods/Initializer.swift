public import Deberta
internal import Tensors

/// How a parameter starts.
public enum Initializer: Sendable, Hashable {
  case constant(Float)
  /// Mean 0.
  case normal(deviation: Float)
  /// Mean 0, cut at two deviations.
  case truncatedNormal(deviation: Float)
  /// -bound ..< bound
  case uniform(bound: Float)
  /// One value on the diagonal of each square, another beside it.
  case diagonal(Float, beside: Float = 0)
  /// The lengths of some rows of a linear layer's weights.
  case rowNorms(ProjectionPlace, layer: Int, rows: [Range<Int>])
  /// An orthogonal square matrix; the first so many columns are those of a random one, made orthonormal.
  case orthogonal(columns: Int)

  /// PyTorch's default for a linear layer of so many inputs: uniform, ± 1 / √inputs.
  static func linear(inputs: Int) -> Initializer { .uniform(bound: 1 / Float(inputs).squareRoot()) }

  /// Xavier's for a matrix: normal, variance 2 / (rows + columns).
  static func glorot(_ rows: Int, _ columns: Int) -> Initializer {
    .normal(deviation: (2 / Float(rows + columns)).squareRoot())
  }

  func values(_ shape: [Int], _ encoder: Encoder, _ random: inout RandomNumbers) -> [Float] {
    let count = shape.reduce(1, *)
    switch self {
    case .constant(let value): return Array(repeating: value, count: count)
    case .normal(let deviation): return (0..<count).map { _ in deviation * random.normal() }
    case .truncatedNormal(let deviation): return (0..<count).map { _ in deviation * random.normal(within: 2) }
    case .uniform(let bound): return (0..<count).map { _ in bound * (2 * random.uniform() - 1) }
    case .diagonal(let value, let beside):
      let columns = shape.last ?? 1
      return (0..<count).map { $0 / columns % columns == $0 % columns ? value : beside }
    case .rowNorms(let place, let layer, let rows):
      let norms = Pass(encoder.compute).rowNorms(
        encoder.compute.unpacked(encoder.linear(place, layer: layer).weight)
      ).array
      return rows.flatMap { norms[$0] }
    case .orthogonal(let columns): return Householder.orthogonal(size: shape[0], columns: columns, &random)
    }
  }
}
