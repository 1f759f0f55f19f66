import Foundation
import GRDB

// One struct for each table, named and typed as the columns are.

struct FolderRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "folder"
  var id: Int64?
  var path: String
  var byteCount: Int
  var digest: ContentDigest

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct FileRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "file"
  var folderId: Int64
  var name: String
  var byteCount: Int
  var digest: ContentDigest

  var record: FileRecord { FileRecord(name: name, byteCount: byteCount, digest: digest) }
}

struct BaseModelRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "baseModel"
  var id: Int64?
  var name: String
  var folderId: Int64
  var configuration: String
  var parameterCount: Int
  var isDefault: Bool
  var notes: String
  var created: Date
  var changed: Date

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct AdapterRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "adapter"
  var id: Int64?
  var modelId: Int64
  var name: String
  var folderId: Int64
  var method: String
  var configuration: String
  var parameterCount: Int
  var baseDigest: ContentDigest?
  var headKind: String?
  var headLabels: [String]?
  var metrics: String?
  var notes: String
  var source: String
  var created: Date
  var changed: Date

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct AdapterTagRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "adapterTag"
  var adapterId: Int64
  var tag: String
}

struct FusionRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "fusion"
  var id: Int64?
  var modelId: Int64
  var name: String
  var folderId: Int64
  var configuration: String
  var parameterCount: Int
  var headKind: String?
  var headLabels: [String]?
  var notes: String
  var source: String
  var created: Date
  var changed: Date

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct FusionMemberRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "fusionMember"
  var fusionId: Int64
  var position: Int
  var adapterId: Int64
}

struct SetupRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "setup"
  var id: Int64?
  var modelId: Int64
  var name: String
  var expression: String
  var created: Date
  var changed: Date

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct SetupMemberRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "setupMember"
  var setupId: Int64
  var adapterId: Int64
}

struct ActiveSetupRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "activeSetup"
  var modelId: Int64
  var expression: String
  var changed: Date
}

struct ActiveSetupMemberRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "activeSetupMember"
  var modelId: Int64
  var adapterId: Int64
}

struct PendingRemovalRow: Codable, FetchableRecord, PersistableRecord {
  static let databaseTableName = "pendingRemoval"
  var path: String
}

struct LogEntryRow: Codable, FetchableRecord, MutablePersistableRecord {
  static let databaseTableName = "logEntry"
  var id: Int64?
  var date: Date
  var action: LogAction
  var model: String?
  var subject: String
  var detail: String

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

extension Row {
  /// The digest in a column that is never empty.
  func digest(_ column: String) throws -> ContentDigest {
    guard let digest = try digestIfPresent(column) else {
      throw RegistryError.badValue(what: "the column \(column)", reason: "it is empty")
    }
    return digest
  }

  /// The digest in a column, or nil where it is empty.
  func digestIfPresent(_ column: String) throws -> ContentDigest? {
    guard let text: String = self[column] else { return nil }
    guard let digest = ContentDigest(text) else {
      throw RegistryError.badValue(what: "the column \(column)", reason: "'\(text)' is no digest")
    }
    return digest
  }
}
