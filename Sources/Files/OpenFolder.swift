internal import CFiles
import Glibc

/// A folder accessed through its descriptor.
///
/// Operations stay in this folder, whatever is renamed above it or replaces one of its entries: entries are named by a
/// single path component, and links among them are not followed.
public final class OpenFolder: Sendable {
  /// The path with which it was opened, for messages.
  public let path: String
  let descriptor: Int32

  /// Opens the folder at a path; the last component may be a link if `followsLinks`.
  public init(_ path: String, followsLinks: Bool = true) throws(FileError) {
    self.path = path
    descriptor = try FileSystem.opened(path, O_RDONLY | O_DIRECTORY | (followsLinks ? 0 : O_NOFOLLOW), .read)
  }

  private init(_ name: String, in folder: OpenFolder) throws(FileError) {
    path = "\(folder.path)/\(name)"
    try folder.check(name)
    descriptor = openat(folder.descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else {
      if [ELOOP, ENOTDIR].contains(errno) { throw .unexpected(path: path, reason: "is not a folder") }
      throw .failed(.read, path)
    }
  }

  deinit { close(descriptor) }

  /// The subfolder with this name.
  public func folder(_ name: String) throws(FileError) -> OpenFolder { try OpenFolder(name, in: self) }

  /// The subfolder with this name, created unless it exists.
  public func makeFolder(_ name: String) throws(FileError) -> OpenFolder {
    try check(name)
    guard mkdirat(descriptor, name, 0o777) == 0 || errno == EEXIST else { throw .failed(.create, entry(name)) }
    return try folder(name)
  }

  /// Creates a subfolder that ``Drafts`` removes, unless it is forgotten.
  public func makeDraft(_ name: String) throws(FileError) -> OpenFolder {
    try check(name)
    Drafts.add(entry(name))
    guard mkdirat(descriptor, name, 0o777) == 0 else {
      let code = errno
      forgetDraft(name)
      throw .refused(.create, path: entry(name), code: code)
    }
    return try folder(name)
  }

  /// Unregisters a draft that was published or removed.
  public func forgetDraft(_ name: String) { Drafts.forget(entry(name)) }

  /// Creates a file, lets `body` write it, and syncs it to disk.
  public func write(
    _ name: String, mode: UInt32, _ body: (borrowing OutputFile) throws(FileError) -> Void
  ) throws(FileError) {
    try check(name)
    let descriptor = openat(descriptor, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
    guard descriptor >= 0 else { throw .failed(.create, entry(name)) }
    let file = OutputFile(descriptor, entry(name))
    try body(file)
    try file.sync()
  }

  /// The free bytes on its disk; nil if unknown.
  public var freeBytes: Int? {
    var status = statvfs()
    return fstatvfs(descriptor, &status) == 0 ? Int(clamping: UInt64(status.f_bavail) &* UInt64(status.f_frsize)) : nil
  }

  /// The type of an entry, without following links; nil if it does not exist.
  public func kind(of name: String) -> EntryKind? {
    var status = stat()
    guard FilePaths.isName(name), fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    return EntryKind(status)
  }

  /// The names in it, sorted by their UTF-8 bytes, without `.` and `..`.
  public func names() throws(FileError) -> [String] {
    let reading = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard reading >= 0 else { throw .failed(.read, path) }
    guard let stream = fdopendir(reading) else {
      let code = errno
      close(reading)
      throw .refused(.read, path: path, code: code)
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let bytes = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw .unexpected(path: path, reason: "holds a file whose name is not UTF-8")
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw .failed(.read, path) }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Opens a file for reading, which may be a link.
  ///
  /// - Throws: `FileError.unexpected` for anything but a regular file: a pipe would never end.
  public func file(_ name: String) throws(FileError) -> ReadFile { try ReadFile(name, in: self) }

  /// Removes a file, a link, or a folder with its contents, if it exists.
  public func remove(_ name: String) throws(FileError) { try remove(name, depth: 0) }

  private func remove(_ name: String, depth: Int) throws(FileError) {
    try check(name)
    switch kind(of: name) {
    case nil: return
    case .folder:
      guard depth < 100 else { throw .unexpected(path: entry(name), reason: "lies too deep to be removed") }
      let inner = try folder(name)
      for entry in try inner.names() { try inner.remove(entry, depth: depth + 1) }
      guard unlinkat(descriptor, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
        throw .failed(.remove, entry(name))
      }
    default:
      guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else { throw .failed(.remove, entry(name)) }
    }
  }

  /// Removes an empty folder; anything else with that name is kept.
  func removeEmptyFolder(_ name: String) throws(FileError) {
    try check(name)
    guard unlinkat(descriptor, name, AT_REMOVEDIR) != 0 else { return }
    guard ![ENOENT, ENOTDIR, ENOTEMPTY, EEXIST].contains(errno) else { return }
    throw .failed(.remove, entry(name))
  }

  /// Renames an entry, possibly into another folder on the same disk, and syncs that to disk.
  ///
  /// - Throws: `FileError.refused` with `EEXIST`, if the name is taken.
  public func rename(_ name: String, to newName: String, in other: OpenFolder? = nil) throws(FileError) {
    let other = other ?? self
    try check(name)
    try other.check(newName)
    if files_rename_new(descriptor, name, other.descriptor, newName) != 0 {
      guard [EINVAL, ENOSYS].contains(errno) else { throw .failed(.rename, entry(name)) }
      guard other.kind(of: newName) == nil else { throw .refused(.rename, path: entry(name), code: EEXIST) }
      guard renameat(descriptor, name, other.descriptor, newName) == 0 else { throw .failed(.rename, entry(name)) }
    }
    try other.sync()
    if other !== self { try sync() }
  }

  /// Syncs the folder's entries to disk.
  public func sync() throws(FileError) {
    // Some file systems do not support it and return EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw .failed(.sync, path) }
  }

  /// Syncs everything in it to disk: files, subfolders, and their entries.
  public func syncAll() throws(FileError) {
    for name in try names() {
      switch kind(of: name) {
      case .folder: try folder(name).syncAll()
      case .file:
        let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw .failed(.sync, entry(name)) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw .failed(.sync, entry(name)) }
      default: continue
      }
    }
    try sync()
  }

  func entry(_ name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }

  func check(_ name: String) throws(FileError) {
    guard FilePaths.isName(name) else { throw .unexpected(path: path, reason: "cannot have an entry called '\(name)'") }
  }
}
