/// One tensor of a file: its name, shape and type, and the location of its bytes.
///
/// Opening a file reads no weights; ``withUnsafeBytes(_:)``, ``copyFloats(into:)`` and ``floats()`` access the bytes.
/// Elements are in row-major order. If a tensor of a PyTorch file is a transposed or sliced view of its storage, each
/// of these calls gathers its elements.
public struct StoredTensor: Sendable {
  /// The tensor's name in the file.
  public let name: String
  /// Its dimensions; empty for a scalar.
  public let shape: [Int]
  /// The type of its elements.
  public let elementType: ElementType
  /// The path of the file that contains it, for messages.
  public let file: String
  /// The product of ``shape``.
  public let elementCount: Int

  private let source: MappedFile
  private let extent: Extent

  /// The location of the elements in the file.
  enum Extent: Sendable {
    /// Row-major in this byte range.
    case contiguous(Range<Int>)
    /// From this byte on, with one stride per dimension, in elements.
    case strided(start: Int, strides: [Int])
  }

  /// The caller has checked that every element is inside `source` and that the product of `shape` does not overflow.
  init(name: String, shape: [Int], elementType: ElementType, source: MappedFile, extent: Extent) {
    self.name = name
    self.shape = shape
    self.elementType = elementType
    self.file = source.path
    self.elementCount = shape.reduce(1, *)
    self.source = source
    self.extent = extent
  }

  private init(_ tensor: StoredTensor, name: String) {
    self.name = name
    shape = tensor.shape
    elementType = tensor.elementType
    file = tensor.file
    elementCount = tensor.elementCount
    source = tensor.source
    extent = tensor.extent
  }

  /// The same tensor with another name.
  public func renamed(_ name: String) -> StoredTensor {
    StoredTensor(self, name: name)
  }

  /// Calls `body` with the elements, in row-major order and little-endian.
  ///
  /// A contiguous tensor's address is that in the mapped file, with the file's alignment.
  public func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    switch extent {
    case .contiguous(let range):
      return try source.withUnsafeBytes(range, body)
    case .strided(let start, let strides):
      let gathered = UnsafeMutableRawBufferPointer.allocate(
        byteCount: elementCount * elementType.byteCount, alignment: 16)
      defer { gathered.deallocate() }
      source.withUnsafeBytes(start..<source.count) { bytes in
        gather(from: bytes, shape: shape, strides: strides, elementBytes: elementType.byteCount, into: gathered)
      }
      return try body(UnsafeRawBufferPointer(gathered))
    }
  }

  /// Converts the elements to float32.
  ///
  /// Exact for float16, bfloat16, 8- and 16-bit integers; wider types are rounded to the nearest float, and a float64
  /// beyond float32 becomes infinite, as in PyTorch.
  ///
  /// - Precondition: `destination` has ``elementCount`` elements.
  /// - Throws: ``CheckpointError/notConvertible(tensor:type:file:)`` for bool.
  public func copyFloats(into destination: UnsafeMutableBufferPointer<Float>) throws(CheckpointError) {
    precondition(
      destination.count == elementCount,
      "'\(name)' has \(elementCount) elements; the destination has room for \(destination.count)")
    try checkConvertible()
    convert(into: destination)
  }

  /// The elements as float32, converted like ``copyFloats(into:)``.
  ///
  /// - Throws: ``CheckpointError/notConvertible(tensor:type:file:)`` for bool.
  public func floats() throws(CheckpointError) -> [Float] {
    try checkConvertible()
    return [Float](unsafeUninitializedCapacity: elementCount) { buffer, count in
      convert(into: UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount]))
      count = elementCount
    }
  }

  /// Returns the tensor's pages to the system; see ``MappedFile/release(_:)``.
  public func releasePages() {
    if case .contiguous(let range) = extent { source.release(range) }
  }

  /// Whether the elements can be used in the mapped file: contiguous and aligned.
  public var isMapped: Bool {
    guard case .contiguous(let range) = extent else { return false }
    // A mapping starts at a page boundary, so the offset in the file decides.
    return range.lowerBound.isMultiple(of: elementType.byteCount)
  }

  /// Whether the elements are float32 and can be used in the mapped file.
  public var isMappedFloat32: Bool { elementType == .float32 && isMapped }

  private func checkConvertible() throws(CheckpointError) {
    guard elementType != .bool else { throw .notConvertible(tensor: name, type: elementType, file: file) }
  }

  private func convert(into destination: UnsafeMutableBufferPointer<Float>) {
    withUnsafeBytes { bytes in
      convertToFloats(bytes, of: elementType, into: destination)
    }
  }
}
