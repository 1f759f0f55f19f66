import Glibc

/// A lock on a folder that ends when it is let go of, or with the process.
///
/// It says nothing about what may be done with the folder: it distinguishes the processes that ask for it.
public final class FolderLock: Sendable {
  public enum Kind: Hashable, Sendable { case shared, exclusive }

  private let descriptor: Int32

  /// Waits at most so many seconds for another lock on the folder.
  ///
  /// - Throws: `FileError.refused` with `EWOULDBLOCK`, if it is still in the way then.
  public init(on folder: OpenFolder, _ kind: Kind, waiting seconds: Double = 0) throws(FileError) {
    // A lock belongs to what was opened, so each one opens the folder for itself.
    let descriptor = openat(folder.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed(.lock, folder.path) }
    let deadline = ContinuousClock.now + .seconds(seconds)
    while flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      guard code == EWOULDBLOCK, ContinuousClock.now < deadline else {
        close(descriptor)
        throw .refused(.lock, path: folder.path, code: code)
      }
      usleep(500)
    }
    self.descriptor = descriptor
  }

  public convenience init(on path: String, _ kind: Kind, waiting seconds: Double = 0) throws(FileError) {
    try self.init(on: OpenFolder(path), kind, waiting: seconds)
  }

  deinit { close(descriptor) }

  /// Makes a shared lock an exclusive one. Where others share it, it is lost instead: of two that try at once, the
  /// second one gets it.
  public func becomeExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// Lets others have it.
  public func release() { flock(descriptor, LOCK_UN) }
}
