public import Tensors

/// A tensor changed by training, with the name under which its state is saved.
///
/// The optimizer writes the values in place between passes, so passes must read this tensor for the whole run.
public struct TrainedParameter: Sendable {
  /// Its unique name.
  public let name: String
  /// Its values: a matrix, or a vector as [1, n].
  public let value: Tensor
  /// Whether weight decay applies to it.
  public let decays: Bool

  /// - Parameters:
  ///   - decays: by default ``decaysByDefault(_:)``.
  ///   - name: the parameter's name.
  ///   - value: its values.
  public init(name: String, value: Tensor, decays: Bool? = nil) {
    self.name = name
    self.value = value
    self.decays = decays ?? Self.decaysByDefault(name)
  }

  /// Whether weight decay applies to a parameter by default: not to biases and weights of norms.
  ///
  /// A bias is a parameter whose last component ends in `bias`; a norm has
  /// `norm` in one of its components: `attention.output.LayerNorm.weight`.
  ///
  /// Source: transformers 4.57.6, `trainer.py`, `get_decay_parameter_names`.
  public static func decaysByDefault(_ name: String) -> Bool {
    let components = name.lowercased().split(separator: ".")
    let isBias = components.last?.hasSuffix("bias") ?? false
    return !isBias && !components.contains { $0.contains("norm") }
  }
}

extension Tensor {
  /// The rows and columns, for messages and files.
  var shape: [Int] { [rows, columns] }

  /// A separate tensor of zeros, without padding between rows.
  static func zeros(rows: Int, columns: Int) -> Tensor {
    Tensor([Float](repeating: 0, count: rows * columns), rows: rows, columns: columns)
  }

  /// A pointer to the first value of a row.
  func row(_ row: Int) -> UnsafeMutablePointer<Float> { pointer + row * stride }

  /// Overwrites the tensor's values, row by row.
  func set(_ values: [Float]) {
    precondition(values.count == rows * columns, "\(values.count) values for [\(rows), \(columns)]")
    values.withUnsafeBufferPointer { values in
      guard let base = values.baseAddress else { return }
      for row in 0..<rows { self.row(row).update(from: base + row * columns, count: columns) }
    }
  }
}

/// Rows of a matrix, divided into blocks that depend only on its shape.
///
/// What is computed per block, and summed in block order, has the same bits with any number of threads.
struct RowBlocks {
  private let rows: Int
  private let size: Int
  let count: Int

  /// Blocks of about 16,384 values, or fewer and larger ones if there would be more than `limit`.
  init(rows: Int, columns: Int, limit: Int = .max) {
    self.rows = rows
    let wanted = max(1, 16_384 / max(1, columns))
    size = limit == .max ? wanted : max(wanted, (rows + limit - 1) / limit)
    count = (rows + size - 1) / size
  }

  func rows(of block: Int) -> Range<Int> { block * size..<min((block + 1) * size, rows) }

  /// Calls `body` with the index and the rows of each block, split over threads.
  func forEach(on compute: Compute, _ body: @Sendable (Int, Range<Int>) -> Void) {
    compute.threads.forEach(count) { body($0, rows(of: $0)) }
  }

  /// The sum of the results of `body`, added in block order.
  func sum(on compute: Compute, _ body: @Sendable (Range<Int>) -> Double) -> Double {
    let parts = BlockSums(blocks: count, columns: 1)
    forEach(on: compute) { block, rows in parts[block][0] = body(rows) }
    return parts.total(ofColumn: 0)
  }
}

/// Sums of the columns of a matrix, block by block, starting at 0.
///
/// `@unchecked Sendable`: only the call for a block writes its sums.
final class BlockSums: @unchecked Sendable {
  private let sums: UnsafeMutablePointer<Double>
  private let blocks: Int
  private let columns: Int

  init(blocks: Int, columns: Int) {
    self.blocks = blocks
    self.columns = columns
    sums = .allocate(capacity: blocks * columns)
    sums.initialize(repeating: 0, count: blocks * columns)
  }

  deinit { sums.deallocate() }

  /// The sums of a block, one per column.
  subscript(block: Int) -> UnsafeMutablePointer<Double> { sums + block * columns }

  /// The sum over all blocks, added in order.
  func total(ofColumn column: Int) -> Double {
    (0..<blocks).reduce(0) { $0 + sums[$1 * columns + column] }
  }
}
