import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls that publishing a folder needs, with errors that name
/// the path.
enum FileSystem {
  enum EntryKind: Hashable, Sendable { case file, folder, other }

  /// What lies at a path, links followed; nil if nothing does.
  static func kind(of path: String) -> EntryKind? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return kind(ofMode: status.st_mode)
  }

  /// Refuses a path that cannot be a registry's.
  static func requireDatabase(_ path: String) throws(RegistryError) {
    switch kind(of: path) {
    case .file: return
    case nil: throw .notFound(path: path)
    case .folder: throw .notARegistry(path: path, reason: "it is a folder")
    case .other: throw .notARegistry(path: path, reason: "it is no regular file")
    }
  }

  /// Whether anything lies at a path, a broken link included.
  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// The names in a folder, sorted, without `.` and `..`.
  static func names(in folder: String) throws(RegistryError) -> [String] {
    guard let stream = opendir(folder) else { throw failure(.read, folder) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw .unexpectedEntry(path: folder, reason: "holds a file whose name is not UTF-8")
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw failure(.read, folder) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Reads a regular file in pieces and hands each one over.
  ///
  /// Something that is no regular file is refused before it is read: a pipe
  /// would never end.
  static func read(_ path: String, each piece: (UnsafeRawBufferPointer) throws(RegistryError) -> Void)
    throws(RegistryError)
  {
    let file = try opened(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, for: .read)
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure(.read, path) }
    guard kind(ofMode: status.st_mode) == .file else {
      throw .unexpectedEntry(path: path, reason: "is not a regular file")
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = retrying { platformRead(file, buffer.baseAddress, buffer.count) }
      guard count >= 0 else { throw failure(.read, path) }
      guard count > 0 else { return }
      try piece(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
    }
  }

  /// Copies a regular file to a new one, forces it to the disk, and hashes
  /// what was copied.
  static func copy(_ source: String, to target: String) throws(RegistryError) -> (byteCount: Int, digest: ContentDigest)
  {
    let file = try opened(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, for: .create)
    defer { close(file) }
    var hash = SHA256()
    try read(source) { (piece) throws(RegistryError) in
      hash.update(piece)
      try write(piece, to: file, named: target)
    }
    guard fsync(file) == 0 else { throw failure(.sync, target) }
    return (hash.count, ContentDigest(hash))
  }

  /// Hashes a regular file.
  static func digest(of path: String) throws(RegistryError) -> (byteCount: Int, digest: ContentDigest) {
    var hash = SHA256()
    try read(path) { (piece) throws(RegistryError) in hash.update(piece) }
    return (hash.count, ContentDigest(hash))
  }

  /// Makes one folder; its parent is there.
  static func makeFolder(_ path: String) throws(RegistryError) {
    guard mkdir(path, 0o777) == 0 else { throw failure(.create, path) }
  }

  /// Makes a folder unless it is there.
  static func ensureFolder(_ path: String) throws(RegistryError) {
    guard mkdir(path, 0o777) == 0 || (errno == EEXIST && kind(of: path) == .folder) else {
      throw failure(.create, path)
    }
  }

  /// Forces a folder's list of names to the disk.
  static func syncFolder(_ path: String) throws(RegistryError) {
    let folder = try opened(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, for: .sync)
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw failure(.sync, path) }
  }

  /// Renames, and forces the new name to the disk.
  static func move(_ source: String, to target: String) throws(RegistryError) {
    guard !exists(target) else {
      throw .file(path: target, operation: .rename, reason: "something of this name is there already")
    }
    guard rename(source, target) == 0 else { throw failure(.rename, source) }
    try syncFolder(parent(of: target))
  }

  /// Gives a file a second name, unless something has it, and takes the
  /// first away.
  static func moveExclusively(_ source: String, to target: String) throws(RegistryError) {
    guard link(source, target) == 0 else {
      if errno == EEXIST { throw .alreadyExists(path: target) }
      throw failure(.create, target)
    }
    unlink(source)
    try syncFolder(parent(of: target))
  }

  /// Removes a folder or file with everything below it. Links are removed,
  /// not followed.
  static func removeTree(_ path: String) throws(RegistryError) {
    do { try FileManager.default.removeItem(atPath: path) } catch {
      guard exists(path) else { return }
      throw .file(path: path, operation: .remove, reason: error.localizedDescription)
    }
  }

  // MARK: Calls

  static func opened(_ path: String, _ flags: Int32, for operation: FileOperation) throws(RegistryError) -> Int32 {
    guard !path.utf8.contains(0) else {
      throw .file(path: path, operation: operation, reason: "the path contains a NUL character")
    }
    let file = retrying { Int(open(path, flags, 0o666)) }
    guard file >= 0 else { throw failure(operation, path) }
    return Int32(file)
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, named path: String) throws(RegistryError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = retrying { platformWrite(file, rest.baseAddress, rest.count) }
      guard count > 0 else { throw failure(.write, path) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  private static func retrying(_ call: () -> Int) -> Int {
    var result = call()
    while result < 0 && errno == EINTR { result = call() }
    return result
  }

  /// What `errno` says about the path.
  static func failure(_ operation: FileOperation, _ path: String) -> RegistryError {
    let code = errno
    if code == ENOSPC || code == EDQUOT { return .diskFull(path: path) }
    if operation == .lock && code == EWOULDBLOCK { return .busy(path: path, seconds: Storage.patience) }
    return .file(path: path, operation: operation, reason: String(cString: strerror(code)))
  }

  private static func kind(ofMode mode: mode_t) -> EntryKind {
    switch mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }
}

private func platformRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(file, buffer, count)
}

private func platformWrite(_ file: Int32, _ buffer: UnsafeRawPointer?, _ count: Int) -> Int {
  write(file, buffer, count)
}
