public import Kernels

/// Memory of a tensor: its own, borrowed from a pool, or part of a mapped file.
///
/// `@unchecked Sendable`: memory is written only by the code that made the
/// storage, before it hands the tensor on, or, within a pass, by the ops of
/// that pass, which runs on one thread and splits loops by disjoint rows.
/// `node` and `version` are touched by passes with a tape alone, and a tape
/// has the parameters that it watches to itself.
public final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int
  private let release: Release
  /// The gradient of the values, on the tape that tracks them.
  var node: GradientNode?
  /// How often values were changed in place while a tape recorded.
  var version = 0

  private enum Release {
    case pool(Buffers)
    case keep(any MappedMemory)
    case free
  }

  /// Memory for `count` values, lent by `buffers` until the storage is gone; not cleared.
  public init(_ count: Int, from buffers: Buffers) {
    base = buffers.borrow(count)
    self.count = count
    release = .pool(buffers)
  }

  /// Memory of its own for `count` values; not cleared.
  public init(_ count: Int) {
    base = allocateFloats(count)
    self.count = count
    release = .free
  }

  /// Memory for `count` values that `owner` keeps alive and that is never written.
  public init(readOnly base: UnsafePointer<Float>, count: Int, owner: any MappedMemory) {
    self.base = UnsafeMutablePointer(mutating: base)
    self.count = count
    release = .keep(owner)
  }

  /// Lets the system forget the pages of a mapped file; they come back when they are read.
  public func releasePages() {
    if case .keep(let owner) = release { owner.releasePages() }
  }

  deinit {
    switch release {
    case .pool(let buffers): buffers.giveBack(base, count: count)
    case .keep: break
    case .free: base.deallocate()
    }
  }
}

/// What keeps the memory of a mapped file.
public protocol MappedMemory: AnyObject, Sendable {
  /// Gives up the pages in memory, not their content.
  func releasePages()
}

/// A matrix of float32: `rows` rows of `columns` values, `stride` apart.
///
/// Tensors share their storage when they are copied or sliced. Ops that
/// change a tensor in place say so; all others give a new one.
public struct Tensor: Sendable {
  public let storage: Storage
  let offset: Int
  public let rows: Int
  public let columns: Int
  public let stride: Int

  /// A matrix at the start of a storage.
  public init(_ storage: Storage, rows: Int, columns: Int, stride: Int? = nil) {
    self.init(storage, offset: 0, rows: rows, columns: columns, stride: stride ?? columns)
  }

  init(_ storage: Storage, offset: Int, rows: Int, columns: Int, stride: Int) {
    self.storage = storage
    self.offset = offset
    self.rows = rows
    self.columns = columns
    self.stride = stride
  }

  /// A matrix of given values, row after row.
  public init(_ values: [Float], rows: Int, columns: Int) {
    precondition(values.count == rows * columns, "\(values.count) values for [\(rows), \(columns)]")
    self.init(Storage(values.count), rows: rows, columns: columns)
    for index in values.indices { storage.base[index] = values[index] }
  }

  /// The values in place.
  public var values: Rows { Rows(storage.base + offset, rows: rows, columns: columns, stride: stride) }

  /// The address of the first value; of use for vectors.
  public var pointer: UnsafeMutablePointer<Float> { storage.base + offset }

  /// One value, in place.
  public subscript(row: Int, column: Int) -> Float {
    get { pointer[row * stride + column] }
    nonmutating set { pointer[row * stride + column] = newValue }
  }

  /// Adds to one value, in place.
  func add(_ value: Float, _ row: Int, _ column: Int) { pointer[row * stride + column] += value }

  /// Some of the rows, sharing storage.
  public func rows(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Tensor(
      storage, offset: offset + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
  }

  /// Some of the columns, sharing storage.
  public func columns(_ range: Range<Int>) -> Tensor {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns, "columns \(range) of \(columns)")
    return Tensor(storage, offset: offset + range.lowerBound, rows: rows, columns: range.count, stride: stride)
  }

  /// The same values in rows of another length, sharing storage.
  public func reshaped(rows: Int, columns: Int) -> Tensor {
    precondition(
      stride == self.columns || self.rows == 1, "rows of \(self.columns) that are \(stride) apart cannot be reshaped")
    precondition(
      rows * columns == self.rows * self.columns, "[\(self.rows), \(self.columns)] reshaped to [\(rows), \(columns)]")
    return Tensor(storage, offset: offset, rows: rows, columns: columns, stride: columns)
  }

  /// A copy of the values, row after row.
  public var array: [Float] {
    var array: [Float] = []
    array.reserveCapacity(rows * columns)
    for row in 0..<rows {
      array.append(contentsOf: UnsafeBufferPointer(start: pointer + row * stride, count: columns))
    }
    return array
  }
}

extension Tensor {
  /// Whether no element is NaN or infinite.
  public var isFinite: Bool {
    (0..<rows).allSatisfy { row in
      UnsafeBufferPointer(start: pointer + row * stride, count: columns).allSatisfy(\.isFinite)
    }
  }
}
