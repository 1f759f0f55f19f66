import Glibc

/// A file that is written to a temporary name in its folder, and renamed once it is complete.
///
/// The bytes go to a new file in the same folder, named `.NAME.….tmp`; ``publish()`` syncs it to disk, renames it, and
/// syncs the rename. After a crash the path has either the old content or the new one. A symbolic link is followed to
/// its target. Anything but a regular file, such as a pipe or a device, is never replaced: the bytes are written to it.
public struct FileDraft: ~Copyable {
  /// The destination path.
  public let path: String
  private let target: String
  /// Nil if the bytes go to a pipe or a device.
  private let draft: String?
  private let output: OutputFile

  public init(for path: String) throws(FileError) {
    switch FileSystem.kind(of: path) {
    case .folder: throw .refused(.write, path: path, code: EISDIR)
    case .other:
      let descriptor = try FileSystem.opened(path, O_WRONLY | O_NOCTTY, .write)
      self.init(path: path, target: path, draft: nil, descriptor)
    case let kind:
      let target = FilePaths.resolved(path) ?? path
      let draft = Self.draftPath(for: target)
      // Registered first, so that a signal handler can remove it.
      Drafts.add(draft)
      let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        let code = errno
        Drafts.forget(draft)
        throw .refused(.create, path: path, code: code)
      }
      // A replaced file keeps its mode.
      var status = stat()
      if kind != nil, stat(target, &status) == 0 { fchmod(descriptor, status.st_mode & 0o7777) }
      self.init(path: path, target: target, draft: draft, descriptor)
    }
  }

  private init(path: String, target: String, draft: String?, _ descriptor: Int32) {
    (self.path, self.target, self.draft) = (path, target, draft)
    output = OutputFile(descriptor, path)
  }

  deinit {
    guard let draft else { return }
    unlink(draft)
    Drafts.forget(draft)
  }

  /// Appends bytes.
  public borrowing func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) { try output.append(bytes) }

  /// Renames the file to its destination.
  ///
  /// - Throws: `FileError`; the destination is then unchanged, unless only the last step failed, which syncs the rename
  ///   to disk.
  public consuming func publish() throws(FileError) {
    guard let draft else { return }
    try output.sync()
    guard rename(draft, target) == 0 else { throw .failed(.rename, path) }
    try FileSystem.sync(folder: FilePaths.parent(of: target))
  }

  /// The path of a draft: hidden, in the same folder, and unique.
  static func draftPath(for path: String) -> String {
    let (parent, name) = (FilePaths.parent(of: path), FilePaths.lastPart(of: path).prefix(48))
    return "\(parent == "/" ? "" : parent)/.\(name).\(String(UInt64.random(in: .min ... .max), radix: 36)).tmp"
  }
}

/// A file opened for writing.
public struct OutputFile: ~Copyable {
  private let descriptor: Int32
  private let path: String

  init(_ descriptor: Int32, _ path: String) { (self.descriptor, self.path) = (descriptor, path) }

  deinit { close(descriptor) }

  /// Appends bytes.
  public borrowing func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written > 0 {
        rest = rest.dropFirst(written)
      } else if written == 0 || errno != EINTR {
        throw .refused(.write, path: path, code: written == 0 ? ENOSPC : errno)
      }
    }
  }

  /// Syncs what was written to disk.
  borrowing func sync() throws(FileError) {
    // A device may have nothing to sync.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw .failed(.sync, path) }
  }
}
