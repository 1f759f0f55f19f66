internal import Files
import Foundation
import GRDB

// What the rows of models, adapters and fusions share.
extension Registry {
  /// Enters a folder with its files and returns its id.
  func enter(_ contents: FolderContents, at stored: String, _ db: Database) throws -> Int64 {
    if let owner = try owner(ofFolderAt: stored, db) {
      throw RegistryError.folderTaken(path: place.absolute(stored), owner: owner)
    }
    if try db.has("pendingRemoval", where: "path = ?", [stored]) {
      throw RegistryError.unexpectedEntry(path: place.absolute(stored), reason: "is about to be removed")
    }
    var folder = FolderRow(id: nil, path: stored, byteCount: contents.byteCount, digest: contents.digest)
    try folder.insert(db)
    let id = folder.id ?? db.lastInsertedRowID
    try enter(contents.files, of: id, db)
    return id
  }

  /// Writes down that a folder holds other files by now.
  func renew(_ contents: FolderContents, of id: Int64, _ db: Database) throws {
    try db.execute(sql: "DELETE FROM file WHERE folderId = ?", arguments: [id])
    try enter(contents.files, of: id, db)
    try db.execute(
      sql: "UPDATE folder SET byteCount = ?, digest = ? WHERE id = ?",
      arguments: [contents.byteCount, contents.digest.text, id])
  }

  private func enter(_ files: [FileRecord], of id: Int64, _ db: Database) throws {
    for file in files {
      try FileRow(folderId: id, name: file.name, byteCount: file.byteCount, digest: file.digest).insert(db)
    }
  }

  func fileRecords(_ db: Database, of folderId: Int64) throws -> [FileRecord] {
    // One more than a folder may have, so that a registry from elsewhere costs no more than one of our own.
    let most = FolderContents.countLimit
    let rows = try Row.fetchCursor(
      db, sql: "SELECT * FROM file WHERE folderId = ? ORDER BY name LIMIT ?", arguments: [folderId, most + 1])
    let files = try records(rows, of: "file", faults: nil) { reader in
      let name = try reader.text("name")
      guard FilePaths.isName(name) else { throw reader.fault("name", expected: "the name of a file") }
      return FileRecord(name: name, byteCount: try reader.integer("byteCount"), digest: try reader.digest("digest"))
    }
    guard files.count <= most else {
      throw RowFault(
        table: "file", row: "\(folderId)", column: "folderId", found: "more than \(most) files",
        expected: "at most \(most) of a folder")
    }
    return files
  }

  /// What a folder belongs to, if the registry knows it.
  func owner(ofFolderAt stored: String, _ db: Database) throws -> Owner? {
    let row = try Row.fetchOne(db, sql: Self.ownerQuery + " WHERE folder.path = ?", arguments: [stored])
    return try row.map { try Owner(RowReader($0, of: "folder")) }
  }

  /// Each folder with the name of what owns it.
  static let ownerQuery = """
    SELECT folder.id, folder.path, folder.digest, owner.kind, owner.name, owner.model
    FROM folder LEFT JOIN (
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
  /// - Parameters:
  ///   - limit: how many at most; all if nil.
  ///   - faults: is called for each row that cannot be read, and the others
  ///     are returned; without it the first such row is thrown.
  public func log(
    limit: Int? = nil, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [LogEntry] {
    try storage.read { db in
      let rows = try Row.fetchCursor(
        db, sql: "SELECT * FROM logEntry ORDER BY id DESC LIMIT ?", arguments: [limit.map { max(0, $0) } ?? -1])
      return try records(rows, of: "logEntry", faults: faults) { reader in
        guard let action = LogAction(rawValue: try reader.text("action")) else {
          throw reader.fault("action", expected: "an action of this program")
        }
        return LogEntry(
          number: Int(try reader.key("id")), date: try reader.date("date"), action: action,
          model: try reader.textIfPresent("model"),
          subject: try reader.text("subject", upTo: StoredText.pathLimit),
          detail: try reader.text("detail", upTo: StoredText.compositionLimit))
      }
    }
  }
}

extension Owner {
  init(_ reader: RowReader) throws {
    guard let kind = ItemKind(rawValue: try reader.text("kind")) else {
      throw reader.fault("kind", expected: "a model, an adapter or a fusion")
    }
    self.init(kind: kind, name: try reader.text("name"), model: try reader.textIfPresent("model", of: "baseModel"))
  }
}
