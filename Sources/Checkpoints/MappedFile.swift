import Glibc

/// A file that is memory-mapped read-only.
///
/// Pages are read on access and belong to the page cache: two programs that map the same checkpoint share its memory,
/// and only the accessed rows of an embedding table are loaded. The file must not be rewritten in place while it is
/// mapped (truncating it ends the process with SIGBUS); replace it by a rename, like ``AtomicFile``.
///
/// `@unchecked Sendable`: `base` and `count` are set once in `init`, the mapping is never writable, and it is unmapped
/// only in `deinit`, when no other reference is left; concurrent reads do not race.
public final class MappedFile: @unchecked Sendable {
  /// The path with which the file was opened, for messages.
  public let path: String
  /// Its length in bytes.
  public let count: Int

  private let base: UnsafeRawPointer?

  /// Maps the file at `path`.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)`` if the file cannot be opened or mapped,
  ///   ``CheckpointError/notAFile(path:)`` for a folder, a pipe or a device.
  public init(path: String) throws(CheckpointError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .cannotRead(path: path, code: errno) }
    defer { close(descriptor) }

    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path: path) }

    let count = Int(status.st_size)
    self.path = path
    self.count = count
    if count == 0 {
      base = nil
      return
    }
    let mapping = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let mapping, mapping != MAP_FAILED else { throw .cannotRead(path: path, code: errno) }
    base = UnsafeRawPointer(mapping)
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }

  /// Calls `body` with the bytes of `range`, which must lie inside the file.
  public func withUnsafeBytes<R, E: Error>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try body(bytes(range))
  }

  /// Returns the whole pages inside `range` to the system.
  ///
  /// The bytes stay readable; accessing them reads the file again. Call it after copying a tensor, so that the data are
  /// not held twice.
  public func release(_ range: Range<Int>) {
    guard let base else { return }
    checkInside(range)
    let page = sysconf(Int32(_SC_PAGESIZE))
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == count ? count : range.upperBound / page * page
    guard first < end else { return }
    // This is only advice: on failure the pages stay resident.
    _ = madvise(UnsafeMutableRawPointer(mutating: base + first), end - first, MADV_DONTNEED)
  }

  /// A little-endian integer at `offset`, which need not be aligned.
  func load<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type, at offset: Int) -> T {
    T(littleEndian: bytes(offset..<offset + MemoryLayout<T>.size).loadUnaligned(as: type))
  }

  /// A copy of the bytes of `range`.
  func copy(_ range: Range<Int>) -> [UInt8] {
    [UInt8](bytes(range))
  }

  /// The bytes of `range` as text, or nil if they are not UTF-8.
  func text(_ range: Range<Int>) -> String? {
    String(validating: bytes(range), as: UTF8.self)
  }

  private func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    checkInside(range)
    guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  private func checkInside(_ range: Range<Int>) {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "bytes \(range) of \(path), which has \(count)")
  }
}
