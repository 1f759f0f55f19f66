internal import Files
import Foundation
import GRDB

// One struct for each table that rows are inserted into, named and typed as the columns are. Rows that come from the
// file are read by `RowReader`.

struct FolderRow: Encodable, MutablePersistableRecord {
  static let databaseTableName = "folder"
  var id: Int64?
  var path: String
  var byteCount: Int
  var digest: ContentDigest

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct FileRow: Encodable, PersistableRecord {
  static let databaseTableName = "file"
  var folderId: Int64
  var name: String
  var byteCount: Int
  var digest: ContentDigest
}

struct BaseModelRow: Encodable, MutablePersistableRecord {
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

struct AdapterRow: Encodable, MutablePersistableRecord {
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

extension AdapterRow {
  /// - Parameter source: where it comes from if the description does not say.
  init(
    id: Int64?, modelId: Int64, name: String, folderId: Int64, _ description: AdapterDescription, source: String,
    created: Date, changed: Date
  ) {
    self.init(
      id: id, modelId: modelId, name: name, folderId: folderId, method: description.method,
      configuration: description.configuration, parameterCount: description.parameterCount,
      baseDigest: description.baseDigest, headKind: description.head?.kind, headLabels: description.head?.labels,
      metrics: description.metrics, notes: description.notes, source: description.source ?? source, created: created,
      changed: changed)
  }
}

struct TrainingRow: Encodable, PersistableRecord {
  static let databaseTableName = "training"
  var adapterId: Int64
  var maxLength: Int?
  var recipe: String?
}

struct OriginRow: Encodable, PersistableRecord {
  static let databaseTableName = "origin"
  var adapterId: Int64
  var address: String
  var revision: String
}

struct AdapterTagRow: Encodable, PersistableRecord {
  static let databaseTableName = "adapterTag"
  var adapterId: Int64
  var tag: String
}

struct FusionRow: Encodable, MutablePersistableRecord {
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

struct FusionMemberRow: Encodable, PersistableRecord {
  static let databaseTableName = "fusionMember"
  var fusionId: Int64
  var position: Int
  var adapterId: Int64
}

struct SetupRow: Encodable, MutablePersistableRecord {
  static let databaseTableName = "setup"
  var id: Int64?
  var modelId: Int64
  var name: String
  var expression: String
  var created: Date
  var changed: Date

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}

struct SetupMemberRow: Encodable, PersistableRecord {
  static let databaseTableName = "setupMember"
  var setupId: Int64
  var adapterId: Int64
}

struct ActiveSetupRow: Encodable, PersistableRecord {
  static let databaseTableName = "activeSetup"
  var modelId: Int64
  var expression: String
  var changed: Date
}

struct ActiveSetupMemberRow: Encodable, PersistableRecord {
  static let databaseTableName = "activeSetupMember"
  var modelId: Int64
  var adapterId: Int64
}

struct PendingRemovalRow: Encodable, PersistableRecord {
  static let databaseTableName = "pendingRemoval"
  var path: String
}

struct LogEntryRow: Encodable, MutablePersistableRecord {
  static let databaseTableName = "logEntry"
  var id: Int64?
  var date: Date
  var action: LogAction
  var model: String?
  var subject: String
  var detail: String

  mutating func didInsert(_ inserted: InsertionSuccess) { id = inserted.rowID }
}
