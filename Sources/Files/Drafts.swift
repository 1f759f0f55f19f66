import Glibc
import Synchronization

/// The temporary files and folders that this process is writing.
///
/// Each is removed by its writer, on success and on failure. A program that is terminated by a signal calls
/// ``removeAll()`` first. The list is per process, because signals are.
public enum Drafts {
  private static let paths = Mutex<Set<String>>([])
  private static let publications = Atomic(0)

  /// Blocks ``removeAll()`` while `body` publishes a draft, which is then either complete or still a draft.
  public static func publishing<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
    publications.add(1, ordering: .sequentiallyConsistent)
    defer { publications.subtract(1, ordering: .sequentiallyConsistent) }
    return try body()
  }

  /// Removes all drafts of this process, which must exit afterwards: their writers are not notified.
  ///
  /// Waits for publications, a little longer than a writer waits for its turn.
  public static func removeAll() {
    for _ in 0..<12_000 where publications.load(ordering: .sequentiallyConsistent) > 0 { usleep(1000) }
    for path in paths.withLock({ $0 }) {
      // The writer may add a file at the same time.
      for _ in 0..<100 where (try? FileSystem.remove(path)) == nil { usleep(100) }
    }
  }

  static func add(_ path: String) { _ = paths.withLock { $0.insert(path) } }

  static func forget(_ path: String) { _ = paths.withLock { $0.remove(path) } }
}
