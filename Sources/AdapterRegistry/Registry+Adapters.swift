internal import Files
import Foundation
import GRDB

extension Registry {
  /// The adapters of a base model, by name.
  ///
  /// `faults` is called for each row that cannot be read, and the others are
  /// returned; without it the first such row is thrown.
  public func adapters(
    of model: String? = nil, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      return try adapterRecords(db, where: "adapter.modelId = ?", [model.id], faults: faults)
    }
  }

  /// The adapters of every base model, by base model and name.
  public func allAdapters(faults: ((RegistryError) -> Void)? = nil) throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in try adapterRecords(db, where: "1", faults: faults) }
  }

  /// The adapter of this name.
  ///
  /// - Throws: ``RegistryError/unknown(kind:name:model:nearest:)`` with
  ///   names that look like it.
  public func adapter(named name: String, of model: String? = nil) throws(RegistryError) -> AdapterRecord {
    try storage.read { db in try adapterRecord(db, name, of: modelKey(db, named: model)) }
  }

  /// The adapters of these names, in their order, read at one moment.
  public func adapters(named names: [String], of model: String? = nil) throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      return try names.map { try adapterRecord(db, $0, of: model) }
    }
  }

  /// The files of an adapter with their digests, by name.
  public func files(of adapter: AdapterRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in
      let key = try adapterKey(db, named: adapter.name, of: modelKey(db, named: adapter.model))
      return try fileRecords(db, of: key.folderId)
    }
  }

  // MARK: Rows

  func adapterRecord(_ db: Database, _ name: String, of model: ItemKey) throws -> AdapterRecord {
    let key = try adapterKey(db, named: name, of: model)
    guard let record = try adapterRecords(db, where: "adapter.id = ?", [key.id]).first else {
      throw RegistryError.unknown(kind: .adapter, name: name, model: model.name, nearest: [])
    }
    return record
  }

  /// One query for everything that a record holds. Tags are joined by a
  /// character that no tag contains.
  private func adapterRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments = [],
    faults: ((RegistryError) -> Void)? = nil
  ) throws -> [AdapterRecord] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT adapter.*, baseModel.name AS model, folder.path AS path, folder.byteCount AS byteCount,
          folder.digest AS digest, training.maxLength AS maxLength, training.recipe AS recipe,
          origin.address AS originAddress, origin.revision AS originRevision,
          (SELECT group_concat(tag, char(31)) FROM adapterTag WHERE adapterId = adapter.id) AS tags,
          EXISTS (SELECT 1 FROM activeSetupMember WHERE adapterId = adapter.id) AS isActive
        FROM adapter LEFT JOIN baseModel ON baseModel.id = adapter.modelId
          LEFT JOIN folder ON folder.id = adapter.folderId LEFT JOIN training ON training.adapterId = adapter.id
          LEFT JOIN origin ON origin.adapterId = adapter.id
        WHERE \(condition) ORDER BY baseModel.name, adapter.name
        """, arguments: arguments)
    return try records(rows, of: "adapter", faults: faults) { reader in
      let tags = try reader.textIfPresent("tags", upTo: StoredText.notesLimit, of: "adapterTag")
      return AdapterRecord(
        model: try reader.text("model", of: "baseModel"), name: try reader.text("name"),
        path: place.absolute(try reader.path("path", of: "folder")), method: try reader.text("method"),
        configuration: try reader.object("configuration"), parameterCount: try reader.integer("parameterCount"),
        byteCount: try reader.integer("byteCount", of: "folder"), digest: try reader.digest("digest", of: "folder"),
        baseDigest: try reader.digestIfPresent("baseDigest"), head: try reader.head(),
        metrics: try reader.objectIfPresent("metrics"),
        maxLength: try reader.integerIfPresent("maxLength", of: "training"),
        recipe: try reader.objectIfPresent("recipe", of: "training"),
        tags: tags?.split(separator: "\u{1F}").map(String.init).sorted() ?? [],
        notes: try reader.text("notes", upTo: StoredText.notesLimit),
        source: try reader.text("source", upTo: StoredText.pathLimit), origin: try reader.origin(),
        isActive: try reader.flag("isActive"),
        created: try reader.date("created"), changed: try reader.date("changed"))
    }
  }

  /// What `record` makes of each row; a row that cannot be read is handed to `faults`, or thrown without it.
  func records<T>(
    _ rows: RowCursor, of table: String, faults: ((RegistryError) -> Void)?, _ record: (RowReader) throws -> T
  ) throws -> [T] {
    var records: [T] = []
    while let row = try rows.next() {
      do { records.append(try record(RowReader(row, of: table))) } catch let fault as RowFault {
        guard let faults else { throw fault }
        faults(.badRow(path: path, fault))
      }
    }
    return records
  }

  func adapterKey(_ db: Database, named name: String, of model: ItemKey) throws -> ItemKey {
    if let key = try ItemKey.fetchOne(db, "adapter", where: "modelId = ? AND name = ?", [model.id, name]) {
      return key
    }
    let names = try db.names("SELECT name FROM adapter WHERE modelId = ?", [model.id])
    throw RegistryError.unknown(
      kind: .adapter, name: name, model: model.name, nearest: NearestNames.of(name, in: names))
  }

  /// Adapters in the order of their names; each must be there.
  func adapterKeys(_ db: Database, named names: [String], of model: ItemKey) throws -> [ItemKey] {
    try names.map { try adapterKey(db, named: $0, of: model) }
  }
}
