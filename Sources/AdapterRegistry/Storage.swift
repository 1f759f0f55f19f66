import GRDB

/// Reads and changes the file of a registry, and says why not in a
/// ``RegistryError``.
///
/// At rest a registry is one file with a rollback journal, which SQLite can
/// read where nothing may be written. A writer turns the write-ahead log on
/// while it has the file open, and off when it closes it.
enum Storage: Sendable {
  case reading(ReadingFile)
  case writing(WritingFile)

  var path: String {
    switch self {
    case .reading(let file): file.path
    case .writing(let file): file.path
    }
  }

  /// Runs `body` on one consistent state.
  func read<T>(_ body: (Database) throws -> T) throws(RegistryError) -> T {
    switch self {
    case .reading(let file):
      do { return try translating(path) { try file.read(body) } } catch .notWritable(let path, let reason) {
        throw .file(path: path, operation: .read, reason: reason)
      }
    case .writing(let file): return try translating(path) { try file.read(body) }
    }
  }

  /// Runs `body` in an immediate transaction: another writer waits, and an
  /// error takes everything back.
  func write<T>(_ body: (Database) throws -> T) throws(RegistryError) -> T {
    guard case .writing(let file) = self else { throw .openedForReading(path: path) }
    return try translating(path) { try file.write(body) }
  }

  /// Refuses to go on where nothing can be changed.
  func requireWriting() throws(RegistryError) {
    guard case .writing = self else { throw .openedForReading(path: path) }
  }

  func close() throws(RegistryError) {
    guard case .writing(let file) = self else { return }
    try translating(path) { try file.close() }
  }

  /// How long a lock of another process is waited for, in seconds.
  static let patience = 10.0
}

/// Runs `body` and turns what SQLite throws into a ``RegistryError``.
func translating<T>(_ path: String, _ body: () throws -> T) throws(RegistryError) -> T {
  do { return try body() } catch let error as RegistryError { throw error } catch let error as DatabaseError {
    throw RegistryError(error, path: path)
  } catch {
    throw .damaged(path: path, reason: "\(error)")
  }
}

extension RegistryError {
  init(_ error: DatabaseError, path: String) {
    let reason = error.message ?? "no reason given"
    switch error.resultCode {
    case .SQLITE_NOTADB: self = .notARegistry(path: path, reason: "it is no SQLite database")
    case .SQLITE_CORRUPT: self = .damaged(path: path, reason: reason)
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: self = .notWritable(path: path, reason: reason)
    case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path, seconds: Storage.patience)
    case .SQLITE_FULL: self = .diskFull(path: path)
    case .SQLITE_MISUSE: self = .closed(path: path)
    default: self = .storage(path: path, code: Int(error.extendedResultCode.rawValue), reason: reason)
    }
  }
}
