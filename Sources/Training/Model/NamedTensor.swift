internal import Checkpoints
public import Tensors

/// A separate copy of a model's tensor, with the name under which it is saved.
public struct NamedTensor: Sendable {
  public let name: String
  public let shape: [Int]
  /// Columns are the shape's last dimension.
  public let values: Tensor

  public init(name: String, shape: [Int], values: Tensor) {
    self.name = name
    self.shape = shape
    self.values = values
  }

  /// A copy of some values.
  public init(name: String, shape: [Int], copying values: [Float]) {
    let columns = max(shape.last ?? 1, 1)
    self.init(
      name: name, shape: shape, values: Tensor(values, rows: values.count / columns, columns: columns))
  }
}

extension WeightLedger {
  /// A ledger of tensors in memory.
  convenience init(_ tensors: [NamedTensor], of source: String) {
    self.init(tensors.map { ($0.name, $0.shape, $0.values) }, of: source)
  }
}
