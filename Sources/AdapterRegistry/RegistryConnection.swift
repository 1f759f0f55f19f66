internal import CRegistry
internal import Files
import Foundation
import GRDB
import GRDBSQLite

/// How a registry's file is opened: as a file that may come from anywhere.
///
/// The schema is trusted with nothing, values and statements have limits,
/// and work that no registry needs is interrupted.
enum RegistryConnection {
  /// No registry grows so large; SQLite's own work grows with the file.
  static let sizeLimit = 1 << 30

  /// How long a lock of another process is waited for, in seconds.
  static let patience = 10.0

  static func open(
    _ location: String, isReadOnly: Bool, prepare: @escaping @Sendable (Database) throws -> Void = { _ in }
  ) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = isReadOnly
    configuration.busyMode = .timeout(RegistryConnection.patience)
    configuration.foreignKeysEnabled = !isReadOnly
    configuration.prepareDatabase { db in
      let code = registry_distrust(db.sqliteConnection.map { UnsafeMutableRawPointer($0) })
      guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
      try db.execute(sql: "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0")
      if !isReadOnly { try db.execute(sql: "PRAGMA synchronous = EXTRA") }
      try prepare(db)
    }
    return try DatabaseQueue(path: location, configuration: configuration)
  }

  /// Starts to count the processor time of what this thread does next.
  static func beginWork() { registry_begin_work() }

  /// Refuses what cannot be a registry before SQLite reads it.
  static func requireFile(_ path: String) throws(RegistryError) {
    switch FileSystem.kind(of: path) {
    case .file: break
    case nil: throw .notFound(path: path)
    case .folder: throw .notARegistry(path: path, reason: "it is a folder")
    case .link, .other: throw .notARegistry(path: path, reason: "it is no regular file")
    }
    if let size = FileStamp(of: path)?.size, size > sizeLimit {
      throw .notARegistry(path: path, reason: "it has \(size) bytes; at most \(sizeLimit) are expected")
    }
  }
}
