internal import Files
import Foundation
import GRDB
import GRDBSQLite

/// Reads a registry and leaves no trace: no file beside it, nothing written
/// in it. Each reading opens the file again, so that a reader never keeps a
/// writer from tidying up.
///
/// The one exception: where a writer was stopped in a change, the next
/// reader takes it back, as SQLite asks.
struct ReadingFile: Sendable {
  let path: String

  func read<T>(_ body: (Database) throws -> T) throws -> T {
    var attempts = 0
    while true {
      attempts += 1
      do { return try readLocked(body) } catch is RestingLog {
        if DatabaseStamp(of: path).hasJournal { try finishInterruptedChange() }
        if let value = try readAtRest(body) { return value }
      } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
        try finishInterruptedChange()
      }
      guard attempts < 100 else { throw RegistryError.busy(path: path, seconds: RegistryConnection.patience) }
    }
  }

  /// The usual way: under SQLite's locks.
  private func readLocked<T>(_ body: (Database) throws -> T) throws -> T {
    try RegistryConnection.requireFile(path)
    let path = path
    do {
      return try read(at: path, body) { db in
        if db.headerAsksForLog && !FileSystem.exists(path + "-wal") { throw RestingLog() }
      }
    } catch let error as DatabaseError
      where error.resultCode == .SQLITE_CANTOPEN && FileSystem.exists(path + "-wal")
    {
      throw RegistryError.unfinishedChanges(path: path)
    }
  }

  /// A file whose header asks for a log, but which has none: another program
  /// left it so. SQLite would make the log's files, so it is told that the
  /// file cannot change. Returns nil if the file changed after all.
  private func readAtRest<T>(_ body: (Database) throws -> T) throws -> T? {
    let before = DatabaseStamp(of: path)
    guard !before.hasLog else { return nil }
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "/-._~")
    guard let escaped = path.addingPercentEncoding(withAllowedCharacters: allowed) else { return nil }
    let outcome = Result { try read(at: "file:\(escaped)?immutable=1", body) }
    guard DatabaseStamp(of: path) == before else { return nil }
    return try outcome.get()
  }

  private func read<T>(
    at location: String, _ body: (Database) throws -> T,
    prepare: @escaping @Sendable (Database) throws -> Void = { _ in }
  ) throws -> T {
    let connection = try RegistryConnection.open(location, isReadOnly: true, prepare: prepare)
    defer { try? connection.close() }
    return try connection.read { db in
      RegistryConnection.beginWork()
      let found = try RegistrySchema.check(db, path: path)
      return found == RegistrySchema.version ? try body(db) : try readNewer(db, body)
    }
  }

  /// Reads what an earlier version wrote in a copy in memory that is brought up to date.
  private func readNewer<T>(_ db: Database, _ body: (Database) throws -> T) throws -> T {
    let copy = try RegistryConnection.open(":memory:", isReadOnly: false)
    defer { try? copy.close() }
    try copy.writeWithoutTransaction { target in try db.backup(to: target) }
    try RegistrySchema.migrator.migrate(copy)
    return try copy.read(body)
  }

  private func finishInterruptedChange() throws {
    do {
      let connection = try RegistryConnection.open(path, isReadOnly: false)
      defer { try? connection.close() }
      try connection.read { db in try db.execute(sql: "SELECT count(*) FROM sqlite_master") }
    } catch let error as DatabaseError where [.SQLITE_CANTOPEN, .SQLITE_READONLY].contains(error.resultCode) {
      throw RegistryError.unfinishedChanges(path: path)
    }
  }
}

/// The header asks for a write-ahead log, and there is none.
private struct RestingLog: Error {}

/// Shows whether a database was written in the meantime.
private struct DatabaseStamp: Equatable {
  let file: FileStamp?
  let hasLog: Bool
  let hasJournal: Bool

  init(of path: String) {
    file = FileStamp(of: path)
    hasLog = FileSystem.exists(path + "-wal")
    hasJournal = FileSystem.exists(path + "-journal")
  }
}

extension Database {
  /// Whether the file's header says that it has a write-ahead log.
  ///
  /// The two bytes are read through SQLite's own descriptor: to open the
  /// file once more and close it would drop the locks that this process
  /// holds on it.
  fileprivate var headerAsksForLog: Bool {
    var file: UnsafeMutablePointer<sqlite3_file>?
    guard sqlite3_file_control(sqliteConnection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
      let file, let read = file.pointee.pMethods?.pointee.xRead
    else { return false }
    var versions: [UInt8] = [0, 0]
    return read(file, &versions, 2, 18) == SQLITE_OK && versions == [2, 2]
  }
}
