internal import Files
import Foundation
import GRDB
import Synchronization

/// One open connection that changes a registry: write-ahead log, every
/// commit forced to the disk, foreign keys on.
///
/// The writers share a lock on the registry's folder, so that the one that
/// closes last knows it. It brings the log into the file and turns it off;
/// meanwhile no other writer comes, and readers never stay.
final class WritingFile: Sendable {
  let path: String
  private let presence: FolderLock
  private let connection: DatabaseQueue
  /// Set on the connection's queue, and asked there before every use: GRDB
  /// does not survive a transaction on a closed connection.
  private let isClosed = Atomic(false)

  /// Opens a registry that is there.
  init(path: String) throws {
    try RegistryConnection.requireFile(path)
    self.path = path
    presence = try onFiles { () throws(FileError) in
      try FolderLock(on: FilePaths.parent(of: path), .shared, waiting: Storage.patience)
    }
    // Who held the lock may have removed an empty registry, and SQLite would make the file again.
    try RegistryConnection.requireFile(path)
    connection = try RegistryConnection.open(path, isReadOnly: false)
    let found = try connection.read { db in try RegistrySchema.check(db, path: path) }
    try connection.writeWithoutTransaction { db in
      RegistryConnection.beginWork()
      do { try Self.untilUnlocked(Storage.patience) { try Self.setJournal("wal", db) } } catch let error
        as DatabaseError
        where [.SQLITE_FULL, .SQLITE_IOERR].contains(error.resultCode)
      {
        // A full disk has no room for a log. What needs none can still be done, with a journal.
        try Self.setJournal("delete", db)
      }
    }
    guard found < RegistrySchema.version else { return }
    try RegistrySchema.migrator.migrate(connection)
    let reached = try connection.read { db in try RegistrySchema.check(db, path: path) }
    guard reached == RegistrySchema.version else {
      throw RegistryError.damaged(path: path, reason: "its schema version is \(reached), but newer tables are noted")
    }
  }

  /// Makes an empty registry, beside its place, and moves it there: nobody
  /// sees half of one.
  static func create(path: String) throws {
    guard !FileSystem.exists(path) else { throw RegistryError.alreadyExists(path: path) }
    let draft = path + ".draft-" + UUID().uuidString
    defer { try? FileSystem.remove(draft) }
    do {
      let connection = try RegistryConnection.open(draft, isReadOnly: false)
      try RegistrySchema.migrator.migrate(connection)
      try connection.close()
    }
    let isAlone = try onFiles { () throws(FileError) in try FileSystem.moveExclusively(draft, to: path) }
    if !isAlone { throw RegistryError.alreadyExists(path: path) }
  }

  func read<T>(_ body: (Database) throws -> T) throws -> T { try transaction(.deferred, body) }

  func write<T>(_ body: (Database) throws -> T) throws -> T { try transaction(.immediate, body) }

  private func transaction<T>(
    _ kind: Database.TransactionKind, _ body: (Database) throws -> T
  ) throws -> T {
    try connection.writeWithoutTransaction { db in
      guard !isClosed.load(ordering: .relaxed) else { throw RegistryError.closed(path: path) }
      RegistryConnection.beginWork()
      var result: T?
      try db.inTransaction(kind) {
        result = try body(db)
        return .commit
      }
      guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
      return result
    }
  }

  /// Closes the file; the last writer leaves everything in it.
  ///
  /// - Parameter removingIfEmpty: whether the last writer removes a file
  ///   without any row. Another writer waits until that is done.
  func close(removingIfEmpty: Bool = false) throws {
    var isUnused = false
    let isFirstTime = connection.writeWithoutTransaction { db in
      guard !isClosed.exchange(true, ordering: .relaxed) else { return false }
      RegistryConnection.beginWork()
      if presence.becomeExclusive() {
        // If it cannot be done, all is still there: in the file and its log.
        let isOneFile = (try? Self.untilUnlocked(2) { try Self.setJournal("delete", db) }) != nil
        isUnused = removingIfEmpty && isOneFile && (try? Self.isEmpty(db)) == true
      }
      return true
    }
    guard isFirstTime else { return }
    defer { presence.release() }
    try connection.close()
    if isUnused { try onFiles { () throws(FileError) in try FileSystem.remove(path) } }
  }

  /// Whether no table has a row, those that SQLite and the migrations keep left out.
  private static func isEmpty(_ db: Database) throws -> Bool {
    let tables = try db.names(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'")
    return try tables.allSatisfy { try $0 == "grdb_migrations" || !db.has($0, where: "TRUE", []) }
  }

  private static func setJournal(_ mode: String, _ db: Database) throws {
    let found = try String.fetchOne(db, sql: "PRAGMA journal_mode = \(mode)")
    guard found == mode else { throw DatabaseError(resultCode: .SQLITE_BUSY) }
  }

  /// Repeats `body` while another process is in its way: SQLite does not
  /// wait by itself where the log is turned on or off.
  private static func untilUnlocked<T>(_ seconds: Double, _ body: () throws -> T) throws -> T {
    let deadline = Date().addingTimeInterval(seconds)
    while true {
      do { return try body() } catch let error where isBusy(error) && Date() < deadline {
        usleep(UInt32.random(in: 500...5000))
      }
    }
  }

  private static func isBusy(_ error: any Error) -> Bool {
    if case RegistryError.busy = error { return true }
    return (error as? DatabaseError)?.resultCode == .SQLITE_BUSY
  }
}
