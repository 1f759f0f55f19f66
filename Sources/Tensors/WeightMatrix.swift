public import Checkpoints
public import Kernels

/// A matrix of weights that is read and never written, in the type that its file has.
///
/// float16 and bfloat16 take half the memory of float32 and are widened, exactly,
/// where they are read. What a tape watches is a tensor.
public struct WeightMatrix: Sendable {
  private let source: Source

  private enum Source {
    case tensor(Tensor)
    case halves(HalfStorage)
  }

  /// A matrix of float32, which a tape may watch.
  public init(_ tensor: Tensor) { source = .tensor(tensor) }

  /// The values of a stored tensor, whose last dimension are the columns. Float32 and halves stay where the file is
  /// mapped, if they are aligned there; other types become float32.
  ///
  /// - Throws: what `StoredTensor.copyFloats` throws.
  public init(_ stored: StoredTensor) throws(CheckpointError) {
    switch stored.elementType {
    case .float16: source = .halves(HalfStorage(stored, .float16))
    case .bfloat16: source = .halves(HalfStorage(stored, .bfloat16))
    default: source = .tensor(try Tensor(stored))
    }
  }

  public var rows: Int { values.rows }
  public var columns: Int { values.columns }
  public var type: WeightType { values.type }

  /// The values in place, to be read.
  public var values: WeightRows {
    switch source {
    case .tensor(let tensor): WeightRows(tensor.values)
    case .halves(let storage): storage.rows
    }
  }

  /// The matrix as a tensor that a tape may watch; nil for halves, which none watches.
  var tensor: Tensor? {
    if case .tensor(let tensor) = source { tensor } else { nil }
  }

  /// The values as float32: the tensor itself, or a copy that is widened.
  public func widened(_ compute: Compute) -> Tensor {
    if let tensor { return tensor }
    let values = values
    let wide = compute.tensor(rows: rows, columns: columns)
    compute.forEachBlock(of: rows) { rows in
      compute.kernels.widen(values.slice(rows), into: wide.values.slice(rows))
    }
    return wide
  }

  /// Lets the system forget the pages of a mapped file; they come back when they are read.
  public func releasePages() {
    switch source {
    case .tensor(let tensor): tensor.storage.releasePages()
    case .halves(let storage): storage.releasePages()
    }
  }

  /// Whether two matrices are the same values in memory.
  public func isSame(as other: WeightMatrix) -> Bool { values.base == other.values.base }

  /// Whether two matrices of one shape have equal values.
  public func hasValues(of other: WeightMatrix, _ kernels: VectorKernels) -> Bool {
    let (a, b) = (values, other.values)
    if a.base == b.base, a.type == b.type { return true }
    let memory = allocateFloats(2 * columns)
    defer { memory.deallocate() }
    let (left, right) = (Rows(memory, rows: 1, columns: columns), Rows(memory + columns, rows: 1, columns: columns))
    return (0..<rows).allSatisfy { row in
      kernels.widen(a.slice(row..<row + 1), into: left)
      kernels.widen(b.slice(row..<row + 1), into: right)
      return (0..<columns).allSatisfy { left.base[$0] == right.base[$0] }
    }
  }
}

extension Pass {
  /// The rows of a weight at the given indices, as float32; where the tape tracks the weight, its gradient is found too.
  public func gather(_ weight: WeightMatrix, rows: [Int]) -> Tensor {
    if let tensor = weight.tensor { return gather(tensor, rows: rows) }
    let y = tensor(rows: rows.count, columns: weight.columns)
    for (to, from) in rows.enumerated() {
      kernels.widen(weight.values.slice(from..<from + 1), into: y.values.slice(to..<to + 1))
    }
    return y
  }
}

/// Halves of a file, where it is mapped or in memory of their own.
///
/// `@unchecked Sendable`: the memory is written by `init` alone.
private final class HalfStorage: @unchecked Sendable {
  let rows: WeightRows
  private let stored: StoredTensor
  private let ownsMemory: Bool

  init(_ stored: StoredTensor, _ type: WeightType) {
    let columns = stored.shape.last ?? 1
    let count = columns == 0 ? 0 : stored.elementCount / columns
    self.stored = stored
    // The address stays good after the call: the tensor keeps the file mapped.
    if stored.isMapped, let base = stored.withUnsafeBytes({ $0.baseAddress }) {
      rows = WeightRows(UnsafeMutableRawPointer(mutating: base), type, rows: count, columns: columns)
      ownsMemory = false
    } else {
      let memory = UnsafeMutableRawPointer(allocateFloats((stored.elementCount + 1) / 2))
      stored.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { memory.copyMemory(from: base, byteCount: bytes.count) }
      }
      rows = WeightRows(memory, type, rows: count, columns: columns)
      ownsMemory = true
    }
  }

  deinit { if ownsMemory { rows.base.deallocate() } }

  func releasePages() { if !ownsMemory { stored.releasePages() } }
}
