import Foundation
import GRDB

extension Registry {
  /// All base models, by name.
  public func models() throws(RegistryError) -> [ModelRecord] {
    try storage.read { db in
      try Row.fetchAll(db, sql: Self.modelQuery + " ORDER BY baseModel.name").map(modelRecord)
    }
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
    try storage.read { db in
      try Row.fetchOne(db, sql: Self.modelQuery + " WHERE baseModel.isDefault = 1").map(modelRecord)
    }
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
    let contents = try FolderContents(of: FileSystem.absolute(folder), files: files)
    return try storage.write { db in
      guard try BaseModelRow.filter(Column("name") == name).isEmpty(db) else {
        throw RegistryError.nameTaken(kind: .model, name: name, model: nil)
      }
      let folderId = try enter(contents, at: stored, db)
      let now = Date()
      var row = BaseModelRow(
        id: nil, name: name, folderId: folderId, configuration: description.configuration,
        parameterCount: description.parameterCount, isDefault: try BaseModelRow.fetchCount(db) == 0,
        notes: description.notes, created: now, changed: now)
      try row.insert(db)
      try note(.registerModel, model: name, subject: name, detail: contents.digest.text, db)
      return try modelRecord(db, named: name)
    }
  }

  /// Makes a base model the one that counts where none is named.
  public func setDefault(model name: String) throws(RegistryError) {
    try storage.write { db in
      let model = try modelRow(db, named: name)
      try BaseModelRow.filter(Column("isDefault") == true).updateAll(db, Column("isDefault").set(to: false))
      try BaseModelRow.filter(key: model.id)
        .updateAll(db, Column("isDefault").set(to: true), Column("changed").set(to: Date()))
      try note(.setDefault, model: name, subject: name, db)
    }
  }

  /// Gives a base model another name. What belongs to it goes on belonging
  /// to it.
  public func renameModel(_ name: String, to newName: String) throws(RegistryError) {
    let newName = try ItemName(newName, for: .model).text
    try storage.write { db in
      let model = try modelRow(db, named: name)
      guard newName != name else { return }
      guard try BaseModelRow.filter(Column("name") == newName).isEmpty(db) else {
        throw RegistryError.nameTaken(kind: .model, name: newName, model: nil)
      }
      try BaseModelRow.filter(key: model.id)
        .updateAll(db, Column("name").set(to: newName), Column("changed").set(to: Date()))
      try note(.renameModel, model: newName, subject: name, detail: newName, db)
    }
  }

  /// The files of a base model with their digests, by name.
  public func files(of model: ModelRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in try fileRows(db, of: modelRow(db, named: model.name).folderId) }
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
    let leftovers = try storage.write { db in
      let model = try modelRow(db, named: name)
      if !contents { try requireEmpty(model, db) }
      let isOurs = Column("modelId") == model.id
      try ActiveSetupRow.deleteOne(db, key: model.id)
      try SetupRow.filter(isOurs).deleteAll(db)
      let folders =
        try FusionRow.filter(isOurs).fetchAll(db).map(\.folderId)
        + AdapterRow.filter(isOurs).fetchAll(db).map(\.folderId)
      try FusionRow.filter(isOurs).deleteAll(db)
      try AdapterRow.filter(isOurs).deleteAll(db)
      try BaseModelRow.deleteOne(db, key: model.id)
      try note(.removeModel, model: name, subject: name, db)
      return try (folders + [model.folderId]).compactMap { try forgetFolder($0, db) }
    }
    for leftover in leftovers { try finishRemoval(of: leftover) }
  }

  private func requireEmpty(_ model: BaseModelRow, _ db: Database) throws {
    let users = try String.fetchAll(
      db,
      sql: """
        SELECT 'the adapter ''' || name || '''' FROM adapter WHERE modelId = :id
        UNION ALL SELECT 'the fusion ''' || name || '''' FROM fusion WHERE modelId = :id
        UNION ALL SELECT 'the setup ''' || name || '''' FROM setup WHERE modelId = :id
        LIMIT 10
        """, arguments: ["id": model.id])
    guard users.isEmpty else { throw RegistryError.inUse(kind: .model, name: model.name, model: nil, by: users) }
  }

  // MARK: Rows

  private static let modelQuery = """
    SELECT baseModel.*, folder.path AS path, folder.byteCount AS byteCount, folder.digest AS digest
    FROM baseModel JOIN folder ON folder.id = baseModel.folderId
    """

  private func modelRecord(_ db: Database, named name: String?) throws -> ModelRecord {
    let id = try modelRow(db, named: name).id
    let row = try Row.fetchOne(db, sql: Self.modelQuery + " WHERE baseModel.id = ?", arguments: [id])
    guard let row else { throw RegistryError.damaged(path: path, reason: "a base model has no folder") }
    return try modelRecord(row)
  }

  private func modelRecord(_ row: Row) throws -> ModelRecord {
    ModelRecord(
      name: row["name"], path: place.absolute(row["path"]), digest: try row.digest("digest"),
      configuration: row["configuration"], parameterCount: row["parameterCount"], byteCount: row["byteCount"],
      isDefault: row["isDefault"], notes: row["notes"], created: row["created"], changed: row["changed"])
  }

  /// The row of the base model of this name, or of the default one.
  func modelRow(_ db: Database, named name: String?) throws -> BaseModelRow {
    guard let name else {
      guard let row = try BaseModelRow.filter(Column("isDefault") == true).fetchOne(db) else {
        throw RegistryError.noDefaultModel(path: path)
      }
      return row
    }
    guard let row = try BaseModelRow.filter(Column("name") == name).fetchOne(db) else {
      let names = try String.fetchAll(db, sql: "SELECT name FROM baseModel")
      throw RegistryError.unknown(kind: .model, name: name, model: nil, nearest: names.nearest(to: name))
    }
    return row
  }
}
