internal import Files
import Foundation
import GRDB

extension Registry {
  /// All base models, by name.
  ///
  /// - Parameter faults: is called for each row that cannot be read, and the
  ///   others are returned; without it the first such row is thrown.
  public func models(faults: ((RegistryError) -> Void)? = nil) throws(RegistryError) -> [ModelRecord] {
    try storage.read { db in try modelRecords(db, where: "1", faults: faults) }
  }

  /// The base model of this name, or the default one.
  ///
  /// - Throws: ``RegistryError/unknown(kind:name:model:nearest:)`` with
  ///   names that look like it;
  ///   ``RegistryError/noDefaultModel(path:)``.
  public func model(named name: String? = nil) throws(RegistryError) -> ModelRecord {
    try storage.read { db in try modelRecord(db, named: name) }
  }

  /// The default base model; nil if none is registered.
  public func defaultModel() throws(RegistryError) -> ModelRecord? {
    try storage.read { db in try modelRecords(db, where: "baseModel.isDefault = 1").first }
  }

  /// The files of a base model with their digests, by name.
  public func files(of model: ModelRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in try fileRecords(db, of: modelKey(db, named: model.name).folderId) }
  }

  /// Registers the base model in a folder, where it lies, after hashing its
  /// files. The first one becomes the default.
  ///
  /// - Parameters:
  ///   - folder: its folder.
  ///   - name: what to call it.
  ///   - description: what its files say.
  ///   - files: the names of the files that count, if not all do.
  @discardableResult
  public func register(
    modelAt folder: String, as name: String, describedBy description: ModelDescription, files: [String]? = nil
  ) throws(RegistryError) -> ModelRecord {
    try storage.requireWriting()
    let name = try ItemName(name, for: .model).text
    try description.check()
    let stored = place.stored(folder)
    let contents = try FolderContents(of: FilePaths.absolute(folder), files: files)
    return try storage.write { db in
      try requireFree(model: name, db)
      let folderId = try enter(contents, at: stored, db)
      let now = Date()
      let isFirst = try !db.has("baseModel", where: "1", [])
      var row = BaseModelRow(
        id: nil, name: name, folderId: folderId, configuration: description.configuration,
        parameterCount: description.parameterCount, isDefault: isFirst, notes: description.notes, created: now,
        changed: now)
      try row.insert(db)
      try note(.registerModel, model: name, subject: name, detail: contents.digest.text, db)
      return try modelRecord(db, named: name)
    }
  }

  /// Makes a base model the one that counts where none is named.
  public func setDefault(model name: String) throws(RegistryError) {
    try storage.write { db in
      let model = try modelKey(db, named: name)
      try db.execute(sql: "UPDATE baseModel SET isDefault = 0 WHERE isDefault = 1")
      try db.execute(
        sql: "UPDATE baseModel SET isDefault = 1, changed = ? WHERE id = ?", arguments: [Date(), model.id])
      try note(.setDefault, model: name, subject: name, db)
    }
  }

  /// Gives a base model another name. What belongs to it keeps belonging to
  /// it, and its folder keeps its place.
  public func renameModel(_ name: String, to newName: String) throws(RegistryError) {
    let newName = try ItemName(newName, for: .model).text
    try storage.write { db in
      let model = try modelKey(db, named: name)
      guard newName != name else { return }
      try requireFree(model: newName, db)
      try db.execute(
        sql: "UPDATE baseModel SET name = ?, changed = ? WHERE id = ?", arguments: [newName, Date(), model.id])
      try note(.renameModel, model: newName, subject: name, detail: newName, db)
    }
  }

  /// Replaces the notes of a base model.
  public func annotate(model name: String, notes: String) throws(RegistryError) {
    try StoredText.check(notes, what: "the notes", upTo: StoredText.notesLimit)
    try storage.write { db in
      let model = try modelKey(db, named: name)
      try db.execute(
        sql: "UPDATE baseModel SET notes = ?, changed = ? WHERE id = ?", arguments: [notes, Date(), model.id])
      try note(.annotate, model: name, subject: name, db)
    }
  }

  /// Forgets a base model. Its folder stays, unless it lies in the folder of
  /// adapters.
  ///
  /// - Parameters:
  ///   - name: the base model.
  ///   - contents: whether its adapters, fusions and setups are removed with
  ///     it, as ``removeAdapter(_:of:)`` removes them.
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` if there are
  ///   some, and they are not to be removed.
  public func removeModel(named name: String, withContents contents: Bool = false) throws(RegistryError) {
    try remove { db in
      let model = try modelKey(db, named: name)
      if !contents { try requireEmpty(model, db) }
      // Setups go with their model, and nothing uses the fusions and adapters then.
      let items = try ["fusion", "adapter"].flatMap { table in
        try ItemKey.fetchAll(db, table, where: "modelId = ?", [model.id]).map {
          Removal(table == "fusion" ? .fusion : .adapter, $0, of: model)
        }
      }
      return items + [Removal(.model, model, of: model)]
    }
  }

  private func requireEmpty(_ model: ItemKey, _ db: Database) throws {
    let users = try db.names(
      """
      SELECT 'the adapter ''' || name || '''' FROM adapter WHERE modelId = :id
      UNION ALL SELECT 'the fusion ''' || name || '''' FROM fusion WHERE modelId = :id
      UNION ALL SELECT 'the setup ''' || name || '''' FROM setup WHERE modelId = :id
      LIMIT 10
      """, ["id": model.id])
    guard users.isEmpty else { throw RegistryError.inUse(kind: .model, name: model.name, model: nil, by: users) }
  }

  // MARK: Rows

  private func modelRecord(_ db: Database, named name: String?) throws -> ModelRecord {
    let key = try modelKey(db, named: name)
    guard let record = try modelRecords(db, where: "baseModel.id = ?", [key.id]).first else {
      throw RegistryError.unknown(kind: .model, name: key.name, model: nil, nearest: [])
    }
    return record
  }

  private func modelRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments = [],
    faults: ((RegistryError) -> Void)? = nil
  ) throws -> [ModelRecord] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT baseModel.*, folder.path AS path, folder.byteCount AS byteCount, folder.digest AS digest
        FROM baseModel LEFT JOIN folder ON folder.id = baseModel.folderId
        WHERE \(condition) ORDER BY baseModel.name
        """, arguments: arguments)
    return try records(rows, of: "baseModel", faults: faults) { reader in
      ModelRecord(
        name: try reader.text("name"), path: place.absolute(try reader.path("path", of: "folder")),
        digest: try reader.digest("digest", of: "folder"), configuration: try reader.object("configuration"),
        parameterCount: try reader.integer("parameterCount"), byteCount: try reader.integer("byteCount", of: "folder"),
        isDefault: try reader.flag("isDefault"), notes: try reader.text("notes", upTo: StoredText.notesLimit),
        created: try reader.date("created"), changed: try reader.date("changed"))
    }
  }

  private func requireFree(model name: String, _ db: Database) throws {
    if try db.has("baseModel", where: "name = ?", [name]) {
      throw RegistryError.nameTaken(kind: .model, name: name, model: nil)
    }
  }

  /// The base model of this name, or the default one.
  func modelKey(_ db: Database, named name: String?) throws -> ItemKey {
    guard let name else {
      guard let key = try ItemKey.fetchOne(db, "baseModel", where: "isDefault = 1", []) else {
        throw RegistryError.noDefaultModel(path: path)
      }
      return key
    }
    guard let key = try ItemKey.fetchOne(db, "baseModel", where: "name = ?", [name]) else {
      let names = try db.names("SELECT name FROM baseModel")
      throw RegistryError.unknown(kind: .model, name: name, model: nil, nearest: NearestNames.of(name, in: names))
    }
    return key
  }
}
