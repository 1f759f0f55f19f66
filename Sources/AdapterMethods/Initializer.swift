public import Deberta
internal import Tensors

/// How a parameter is initialized.
public enum Initializer: Sendable, Hashable {
  case constant(Float)
  /// Mean 0.
  case normal(deviation: Float)
  /// Mean 0, truncated at two standard deviations.
  case truncatedNormal(deviation: Float)
  /// -bound ..< bound
  case uniform(bound: Float)
  /// One value on the diagonal of each square block, another off the diagonal.
  case diagonal(Float, beside: Float = 0)
  /// The norms of some or all rows of a linear layer's weight.
  case rowNorms(EncoderPlace, rows: [Range<Int>]? = nil)
  /// The norms of a table's columns.
  case columnNorms(EncoderPlace)
  /// The weight or bias of the base model's module.
  case base(EncoderPlace, isBias: Bool)
  /// Some rows of a table.
  case rows(EncoderPlace, [Int])
  /// -bound ..< bound, in pairs of equal columns; an odd last column is drawn separately.
  case pairedColumns(bound: Float)
  /// The values PyTorch draws from -bound ..< bound with a seed, after skipping some.
  case torchUniform(seed: Int, skipping: Int, bound: Double)
  /// An orthogonal square matrix, whose first columns orthonormalize a random matrix.
  case orthogonal(columns: Int)

  /// PyTorch's default for linear layers: uniform, ± 1 / √inputs.
  static func linear(inputs: Int) -> Initializer { .uniform(bound: 1 / Float(inputs).squareRoot()) }

  /// Xavier initialization: normal, variance 2 / (rows + columns).
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
    case .rowNorms(let place, let rows):
      guard case .linear(let layer)? = encoder.module(place) else { return Array(repeating: 1, count: count) }
      let norms = Pass(encoder.compute).rowNorms(encoder.compute.unpacked(layer.weight)).array
      return rows.map { $0.flatMap { norms[$0] } } ?? norms
    case .columnNorms(let place):
      guard case .table(let table)? = encoder.module(place) else { return Array(repeating: 1, count: count) }
      return Pass(encoder.compute).columnNorms(table.widened(encoder.compute)).array
    case .base(let place, let isBias):
      if isBias { return encoder.bias(place)?.array ?? Array(repeating: 0, count: count) }
      switch encoder.module(place) {
      case .table(let table)?: return table.widened(encoder.compute).array
      case .linear(let layer)?: return encoder.compute.unpacked(layer.weight).array
      case .norm(let norm)?: return norm.gain.array
      case .bias, nil: return Array(repeating: 0, count: count)
      }
    case .rows(let place, let indices):
      guard case .table(let table)? = encoder.module(place) else { return Array(repeating: 0, count: count) }
      return Pass(encoder.compute).gather(table, rows: indices).array
    case .pairedColumns(let bound):
      let columns = shape.last ?? 1
      var values = (0..<count).map { _ in bound * (2 * random.uniform() - 1) }
      for index in values.indices where index % columns % 2 == 1 { values[index] = values[index - 1] }
      return values
    case .torchUniform(let seed, let skipped, let bound):
      var torch = TorchRandom(seed: seed)
      for _ in 0..<skipped { _ = torch.next() }
      return (0..<count).map { _ in torch.uniform(bound: bound) }
    case .orthogonal(let columns): return Householder.orthogonal(size: shape[0], columns: columns, &random)
    }
  }
}
