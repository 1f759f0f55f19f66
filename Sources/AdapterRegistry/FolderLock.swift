#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A lock on a folder that ends when it is let go of, or with the process.
///
/// It says nothing about what may be done with the folder: it tells the
/// processes that ask for it from each other.
final class FolderLock: Sendable {
  enum Kind: Hashable, Sendable { case shared, exclusive }

  private let descriptor: Int32

  /// - Parameter seconds: how long another lock on the folder is waited for.
  /// - Throws: ``RegistryError/busy(path:seconds:)`` if it is still in the
  ///   way then.
  init(on folder: String, _ kind: Kind, waiting seconds: Double = 0) throws(RegistryError) {
    let descriptor = try FileSystem.opened(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, for: .lock)
    let deadline = ContinuousClock.now + .seconds(seconds)
    while flock(descriptor, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      let failure = FileSystem.failure(.lock, folder)
      guard case .busy = failure, ContinuousClock.now < deadline else {
        close(descriptor)
        throw failure
      }
      usleep(500)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Makes a shared lock an exclusive one. Where others share it, it is lost
  /// instead: of two that try at once, the second one gets it.
  func becomeExclusive() -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// Lets others have it.
  func release() { flock(descriptor, LOCK_UN) }
}
