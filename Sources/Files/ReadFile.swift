import Glibc

/// A regular file opened for reading.
public final class ReadFile: Sendable {
  /// The path, for messages.
  public let path: String
  /// The file's stamp when it was opened.
  public let stamp: FileStamp
  private let descriptor: Int32

  /// Opens the file at a path.
  ///
  /// - Throws: `FileError.unexpected` for anything but a regular file.
  public convenience init(_ path: String) throws(FileError) {
    try self.init(path, FileSystem.opened(path, O_RDONLY | O_NONBLOCK, .read))
  }

  convenience init(_ name: String, in folder: OpenFolder) throws(FileError) {
    try folder.check(name)
    let descriptor = openat(folder.descriptor, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed(.read, folder.entry(name)) }
    try self.init(folder.entry(name), descriptor)
  }

  private init(_ path: String, _ descriptor: Int32) throws(FileError) {
    (self.path, self.descriptor) = (path, descriptor)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw .refused(.read, path: path, code: code)
    }
    let stamp = FileStamp(status)
    // Once all properties are set, `deinit` also closes it.
    guard stamp.kind == .file else {
      close(descriptor)
      throw .unexpected(path: path, reason: "is not a regular file")
    }
    self.stamp = stamp
  }

  deinit { close(descriptor) }

  /// Whether the folder's entry is still this file, unchanged since it was opened.
  public func isUnchanged(as name: String, in folder: OpenFolder) -> Bool {
    var (own, named) = (stat(), stat())
    return fstat(descriptor, &own) == 0 && FileStamp(own) == stamp
      && fstatat(folder.descriptor, name, &named, 0) == 0 && FileStamp(named) == stamp
  }

  /// Its bytes from an offset on, as many as there are up to a count.
  public func bytes(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
    var (result, code) = (0, Int32(0))
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { block, filled in
      repeat { result = pread(descriptor, block.baseAddress, count, off_t(offset)) } while result < 0 && errno == EINTR
      code = errno
      filled = max(result, 0)
    }
    if result < 0 { throw .refused(.read, path: path, code: code) }
    return bytes
  }

  /// Reads the file in chunks, passing each one to a closure.
  public func read(each piece: (UnsafeRawBufferPointer) throws(FileError) -> Void) throws(FileError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .failed(.read, path)
      }
      guard count > 0 else { return }
      try piece(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
    }
  }
}

/// Detects whether a file was replaced or modified.
public struct FileStamp: Hashable, Sendable {
  public let kind: EntryKind
  /// Its size in bytes.
  public let size: Int
  /// Its mode bits.
  public let mode: UInt32
  private let device: UInt
  private let number: UInt
  private let changes: [Int]

  init(_ status: stat) {
    kind = EntryKind(status)
    size = Int(status.st_size)
    mode = UInt32(status.st_mode)
    (device, number) = (UInt(status.st_dev), UInt(status.st_ino))
    changes = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
  }

  /// The stamp of the entry at a path, following links; nil if it does not exist.
  public init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}
