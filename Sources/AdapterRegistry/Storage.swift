internal import Files
import GRDB
import GRDBSQLite

/// Reads and changes the file of a registry, and says why not in a
/// ``RegistryError``.
///
/// A registry is one file, which SQLite can read where nothing may be
/// written; a change that is under way has its rollback journal beside it.
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

  /// - Parameter removingIfEmpty: whether a file without any row is removed.
  func close(removingIfEmpty: Bool = false) throws(RegistryError) {
    guard case .writing(let file) = self else { return }
    try translating(path) { try file.close(removingIfEmpty: removingIfEmpty) }
  }
}

/// Runs `body` and says in a ``RegistryError`` why it failed.
func translating<T>(_ path: String, _ body: () throws -> T) throws(RegistryError) -> T {
  do { return try body() } catch let error as RegistryError { throw error } catch let fault as RowFault {
    throw .badRow(path: path, fault)
  } catch let error as DatabaseError {
    throw RegistryError(error, path: path)
  } catch {
    throw .damaged(path: path, reason: "a value in it cannot be read")
  }
}

extension RegistryError {
  /// SQLite's own messages are not passed on: they quote statements and the text of the file.
  init(_ error: DatabaseError, path: String) {
    let words = String(cString: sqlite3_errstr(error.resultCode.rawValue))
    switch (error.resultCode, error.extendedResultCode) {
    case (.SQLITE_NOTADB, _): self = .notARegistry(path: path, reason: "it is no SQLite database")
    case (.SQLITE_CORRUPT, _): self = .damaged(path: path, reason: "SQLite finds its pages or its tables malformed")
    case (.SQLITE_READONLY, _), (.SQLITE_CANTOPEN, _), (.SQLITE_PERM, _):
      self = .notWritable(path: path, reason: words)
    case (.SQLITE_BUSY, _), (.SQLITE_LOCKED, _): self = .busy(path: path, seconds: RegistryConnection.patience)
    case (.SQLITE_FULL, _), (.SQLITE_IOERR, .SQLITE_IOERR_SHMSIZE): self = .diskFull(path: path)
    case (.SQLITE_MISUSE, _): self = .closed(path: path)
    case (.SQLITE_INTERRUPT, _):
      self = .damaged(path: path, reason: "reading it takes longer than any registry of this program does")
    case (.SQLITE_TOOBIG, _): self = .damaged(path: path, reason: "it holds a value that is too large")
    case (.SQLITE_CONSTRAINT, _): self = .damaged(path: path, reason: "the change contradicts what is in its tables")
    default: self = .storage(path: path, code: Int(error.extendedResultCode.rawValue), reason: words)
    }
  }
}
