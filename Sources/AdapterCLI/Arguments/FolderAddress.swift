internal import AdapterHost
internal import Dispatch
internal import Synchronization

/// Something with folders that are read: an address of the Hub or of an archive may stand for each.
protocol TakesFolders {
  /// Hands every folder to `change`.
  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows
}

extension [NamedFolder] {
  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    for index in indices { try change(&self[index].folder) }
  }
}

/// Folders that lie elsewhere.
enum FolderAddress {
  /// Downloads what an address stands for, and puts the folder in its place; a folder stays as it is.
  static func fetch(_ folder: inout String) throws {
    if let fetched = try fetched(folder) { folder = fetched.path }
  }

  /// The folder that an address stands for; nil for a folder.
  static func fetched(_ text: String) throws -> FetchedFolder? {
    guard Hub.isAddress(text) else { return nil }
    let hub = try Hub()
    let meter = DownloadMeter()
    defer { meter.clear() }
    return try waiting { try await hub.folder(of: text, progress: meter.show) }
  }

  /// The result of what is done elsewhere. The main thread, which waits, runs no tasks of Swift.
  static func waiting<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) throws -> T {
    let outcome = Outcome<T>()
    let end = DispatchSemaphore(value: 0)
    Task.detached {
      do { outcome.set(.success(try await body())) } catch { outcome.set(.failure(error)) }
      end.signal()
    }
    end.wait()
    return try outcome.get()
  }
}

/// What became of a task.
private final class Outcome<T: Sendable>: Sendable {
  private let result = Mutex<Result<T, any Error>>(.failure(CancellationError()))

  func set(_ value: Result<T, any Error>) { result.withLock { $0 = value } }

  func get() throws -> T { try result.withLock { $0 }.get() }
}
