public import FoundationEssentials
import Glibc

/// Writes files that are either wholly there or not at all.
///
/// The bytes go to a new file in the same folder, named `.….tmp`; it is
/// flushed to the disk, renamed over the destination, and the folder is
/// flushed. After a crash the destination holds the old content or the new
/// one, and a program that has the old one mapped keeps it. A process killed
/// half-way leaves its temporary file behind, which may be deleted.
public enum AtomicFile {
  /// Writes `data` to `path`, replacing a regular file that is there. A device or a pipe is written to; it is never
  /// replaced.
  ///
  /// - Throws: ``CheckpointError/cannotWrite(path:operation:code:)``; the
  ///   destination is then unchanged, unless only the last step failed, the
  ///   flushing of the folder.
  public static func write(_ data: Data, to path: String) throws(CheckpointError) {
    try write(to: path) { (output) throws(CheckpointError) in
      let result = data.withUnsafeBytes { bytes in
        Result { () throws(CheckpointError) in try output.append(bytes) }
      }
      try result.get()
    }
  }

  /// The bytes of a configuration or another small file.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)``,
  ///   ``CheckpointError/notAFile(path:)``, and
  ///   ``CheckpointError/overLimit(_:found:limit:file:)`` beyond 100 MB.
  public static func read(_ path: String) throws(CheckpointError) -> Data {
    let file = try MappedFile(path: path)
    guard file.count <= Limits.jsonBytes else {
      throw .overLimit(.jsonBytes, found: file.count, limit: Limits.jsonBytes, file: path)
    }
    return Data(file.copy(0..<file.count))
  }

  /// Writes to `path` what `body` appends.
  static func write(
    to path: String, _ body: (borrowing Output) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    if isDeviceOrPipe(path) { return try body(Output(existing: path)) }
    let (folder, name) = split(path)
    let temporary = "\(folder)/.\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
    let output = try Output(temporary: temporary, for: path)
    do throws(CheckpointError) {
      try body(output)
      try output.flush()
      guard rename(temporary, path) == 0 else {
        throw .cannotWrite(path: path, operation: "renaming", code: errno)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    try flush(folder: folder, for: path)
  }

  private static func isDeviceOrPipe(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  /// A file being written; closed at the end of its life.
  struct Output: ~Copyable {
    private let descriptor: Int32
    private let path: String

    fileprivate init(temporary: String, for path: String) throws(CheckpointError) {
      descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
      self.path = path
      guard descriptor >= 0 else {
        throw .cannotWrite(path: path, operation: "creating a file in its folder", code: errno)
      }
    }

    /// A device or a pipe, as it is.
    fileprivate init(existing path: String) throws(CheckpointError) {
      descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
      self.path = path
      guard descriptor >= 0 else { throw .cannotWrite(path: path, operation: "opening", code: errno) }
    }

    deinit { close(descriptor) }

    borrowing func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if written > 0 {
          rest = rest.dropFirst(written)
        } else if written == 0 || errno != EINTR {
          throw .cannotWrite(path: path, operation: "writing", code: written == 0 ? ENOSPC : errno)
        }
      }
    }

    fileprivate borrowing func flush() throws(CheckpointError) {
      guard fsync(descriptor) == 0 else { throw .cannotWrite(path: path, operation: "flushing", code: errno) }
    }
  }

  private static func flush(folder: String, for path: String) throws(CheckpointError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotWrite(path: path, operation: "opening its folder", code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw .cannotWrite(path: path, operation: "flushing its folder", code: errno)
    }
  }

  private static func split(_ path: String) -> (folder: String, name: Substring) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
    let folder = slash == path.startIndex ? "/" : String(path[..<slash])
    return (folder, path[path.index(after: slash)...])
  }
}
