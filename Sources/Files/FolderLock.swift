import Glibc

/// A lock on a folder that lasts until it is released or the process ends.
///
/// It does not protect the folder's contents: it only excludes other processes that take the lock.
public final class FolderLock: Sendable {
  public enum Kind: Hashable, Sendable { case shared, exclusive }

  private let descriptor: Int32

  /// Takes the lock, waiting for a conflicting one at most this many seconds.
  ///
  /// - Throws: `FileError.refused` with `EWOULDBLOCK`, if there is still a conflict.
  public init(on folder: OpenFolder, _ kind: Kind, waiting seconds: Double = 0) throws(FileError) {
    // A lock belongs to an open file description, so each one opens the folder separately.
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

  /// Upgrades a shared lock to an exclusive one.
  ///
  /// If others share it, the lock is lost instead: of two concurrent attempts, the second one succeeds.
  public func becomeExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// Releases the lock.
  public func release() { flock(descriptor, LOCK_UN) }
}
