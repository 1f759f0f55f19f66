import Glibc

/// The type of a file system entry.
public enum EntryKind: Hashable, Sendable {
  case file, folder, link, other

  init(_ status: stat) {
    self =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .link
      default: .other
      }
  }
}

/// System calls on paths, with errors that include the path.
public enum FileSystem {
  /// The type of the entry at a path, following links; nil if it does not exist.
  public static func kind(of path: String) -> EntryKind? {
    var status = stat()
    return stat(path, &status) == 0 ? EntryKind(status) : nil
  }

  /// Whether a path exists, including broken links.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Why this process may not write to a file or folder; nil if it may.
  public static func objectionToWriting(_ path: String) -> String? {
    guard !path.utf8.contains(0), faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0 else { return nil }
    return String(cString: strerror(errno))
  }

  /// Creates a folder and its parents, unless they exist.
  public static func makeFolders(_ path: String) throws(FileError) {
    guard !path.isEmpty else { throw .unexpected(path: path, reason: "is an empty name") }
    var made = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      made += part
      if try checked(made, mkdir(made, 0o777), .create) != 0 {
        let code = errno
        guard kind(of: made) == .folder else { throw .refused(.create, path: made, code: code) }
      }
      made += "/"
    }
  }

  /// Opens a file or folder.
  static func opened(
    _ path: String, _ flags: Int32, _ operation: FileOperation, mode: mode_t = 0o666
  ) throws(FileError) -> Int32 {
    let descriptor = try retrying(path, operation) { open(path, flags | O_CLOEXEC, mode) }
    guard descriptor >= 0 else { throw .failed(operation, path) }
    return descriptor
  }

  /// Refuses a path with a NUL, at which C would truncate it.
  static func checked<T>(_ path: String, _ call: @autoclosure () -> T, _ operation: FileOperation) throws(FileError)
    -> T
  {
    guard !path.utf8.contains(0) else { throw .unexpected(path: path, reason: "contains a NUL character") }
    return call()
  }

  private static func retrying(
    _ path: String, _ operation: FileOperation, _ call: () -> Int32
  ) throws(FileError) -> Int32 {
    var result = try checked(path, call(), operation)
    while result < 0 && errno == EINTR { result = call() }
    return result
  }
}
