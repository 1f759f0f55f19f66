internal import Files
import Foundation
import GRDB
import Synchronization

/// One open connection that changes a registry: a rollback journal, every
/// commit forced to the disk, foreign keys on.
///
/// A change that is refused leaves the file as it was, byte for byte. The
/// writers share a lock on the registry's folder, so that the one that
/// closes last knows it: it may remove an empty registry, and it turns off a
/// write-ahead log that another program left on; meanwhile no other writer
/// comes.
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
      try FolderLock(on: FilePaths.parent(of: path), .shared, waiting: RegistryConnection.patience)
    }
    // Who held the lock may have removed an empty registry, and SQLite would make the file again.
    try RegistryConnection.requireFile(path)
    for part in [path, FilePaths.parent(of: path)] {
      if let reason = FileSystem.objectionToWriting(part) {
        throw RegistryError.notWritable(path: path, reason: reason)
      }
    }
    connection = try RegistryConnection.open(path, isReadOnly: false)
    let found = try connection.read { db in try RegistrySchema.check(db, path: path) }
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
        let isOneFile = (try? Self.untilUnlocked(2) { try Self.turnOffLog(db) }) != nil
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

  /// Brings what is in a write-ahead log into the file, if there is one.
  private static func turnOffLog(_ db: Database) throws {
    // Reading tells whether another program has turned it on meanwhile.
    _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema")
    guard try String.fetchOne(db, sql: "PRAGMA journal_mode = delete") == "delete" else {
      throw DatabaseError(resultCode: .SQLITE_BUSY)
    }
  }

  /// Repeats `body` while another process is in its way: SQLite does not
  /// wait by itself where the log is switched on or off.
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
