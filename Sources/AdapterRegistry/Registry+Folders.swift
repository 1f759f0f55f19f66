import Foundation
import GRDB

// What the rows of models, adapters and fusions share.
extension Registry {
  /// Enters a folder with its files and returns its id.
  func enter(_ contents: FolderContents, at stored: String, _ db: Database) throws -> Int64 {
    if let owner = try owner(ofFolderAt: stored, db) {
      throw RegistryError.folderTaken(path: place.absolute(stored), owner: owner)
    }
    var folder = FolderRow(id: nil, path: stored, byteCount: contents.byteCount, digest: contents.digest)
    try folder.insert(db)
    guard let id = folder.id else { throw RegistryError.damaged(path: path, reason: "a folder got no number") }
    try enter(contents.files, of: id, db)
    return id
  }

  /// Writes down that a folder holds other files by now.
  func renew(_ contents: FolderContents, of id: Int64, _ db: Database) throws {
    try FileRow.filter(Column("folderId") == id).deleteAll(db)
    try enter(contents.files, of: id, db)
    try FolderRow.filter(key: id).updateAll(
      db, Column("byteCount").set(to: contents.byteCount), Column("digest").set(to: contents.digest.text))
  }

  private func enter(_ files: [FileRecord], of id: Int64, _ db: Database) throws {
    for file in files {
      try FileRow(folderId: id, name: file.name, byteCount: file.byteCount, digest: file.digest).insert(db)
    }
  }

  func fileRows(_ db: Database, of folderId: Int64) throws -> [FileRecord] {
    try FileRow.filter(Column("folderId") == folderId).order(Column("name")).fetchAll(db).map(\.record)
  }

  /// What a folder belongs to, if the registry knows it.
  func owner(ofFolderAt stored: String, _ db: Database) throws -> Owner? {
    try Row.fetchOne(db, sql: Self.ownerQuery + " WHERE folder.path = ?", arguments: [stored]).map(Owner.init)
  }

  /// Each folder with the name of what owns it.
  static let ownerQuery = """
    SELECT folder.id, folder.path, folder.digest, owner.kind, owner.name, owner.model
    FROM folder JOIN (
      SELECT folderId, 'model' AS kind, name, NULL AS model FROM baseModel
      UNION ALL
      SELECT adapter.folderId, 'adapter', adapter.name, baseModel.name
      FROM adapter JOIN baseModel ON baseModel.id = adapter.modelId
      UNION ALL
      SELECT fusion.folderId, 'fusion', fusion.name, baseModel.name
      FROM fusion JOIN baseModel ON baseModel.id = fusion.modelId
    ) AS owner ON owner.folderId = folder.id
    """

  /// Writes a line of the log.
  func note(
    _ action: LogAction, model: String?, subject: String, detail: String = "", _ db: Database
  ) throws {
    var entry = LogEntryRow(id: nil, date: Date(), action: action, model: model, subject: subject, detail: detail)
    try entry.insert(db)
  }

  /// The changes, newest first.
  ///
  /// - Parameter limit: how many at most; all if nil.
  public func log(limit: Int? = nil) throws(RegistryError) -> [LogEntry] {
    try storage.read { db in
      var request = LogEntryRow.order(Column("id").desc)
      if let limit { request = request.limit(max(0, limit)) }
      return try request.fetchAll(db).map { row in
        LogEntry(
          number: Int(row.id ?? 0), date: row.date, action: row.action, model: row.model, subject: row.subject,
          detail: row.detail)
      }
    }
  }
}

extension Owner {
  init(_ row: Row) {
    let kind: String = row["kind"]
    self.init(kind: ItemKind(rawValue: kind) ?? .adapter, name: row["name"], model: row["model"])
  }
}
