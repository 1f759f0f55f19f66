import Foundation
import GRDB

extension Registry {
  /// Gives an adapter another name. Its folder keeps its own: the row says
  /// where it is.
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - newName: what to call it.
  ///   - model: its base model.
  ///   - rewriting: returns a composition's text with the new name in place
  ///     of the old; nil where it cannot. It does not use the registry.
  ///     Without it an adapter that a setup uses keeps its name.
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` with the setups
  ///   that use it.
  public func renameAdapter(
    _ name: String, to newName: String, of model: String? = nil, rewriting: (String) -> String? = { _ in nil }
  ) throws(RegistryError) {
    let newName = try ItemName(newName, for: .adapter).text
    try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try adapterRow(db, named: name, of: model)
      guard newName != name else { return }
      try requireFree(newName, for: .adapter, of: model, db)
      try AdapterRow.filter(key: row.id)
        .updateAll(db, Column("name").set(to: newName), Column("changed").set(to: Date()))
      var stuck: [String] = []
      for use in try uses(of: row, db) where use.expression != nil {
        guard let text = use.expression.flatMap(rewriting), !text.isEmpty else {
          stuck.append(use.name)
          continue
        }
        try use.rewrite(text, db)
      }
      guard stuck.isEmpty else {
        throw RegistryError.inUse(kind: .adapter, name: name, model: model.name, by: stuck)
      }
      try note(.renameAdapter, model: model.name, subject: name, detail: newName, db)
    }
  }

  /// Forgets an adapter and removes its folder, if that lies in the folder
  /// of adapters; a folder elsewhere stays.
  ///
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` with the setups
  ///   and fusions that use it.
  public func removeAdapter(_ name: String, of model: String? = nil) throws(RegistryError) {
    let leftover = try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try adapterRow(db, named: name, of: model)
      try requireUnused(row, of: model, db)
      try row.delete(db)
      try note(.removeAdapter, model: model.name, subject: name, db)
      return try forgetFolder(row.folderId, db)
    }
    try finishRemoval(of: leftover)
  }

  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` if ``removeAdapter(_:of:)`` would.
  public func requireUnused(adapter name: String, of model: String? = nil) throws(RegistryError) {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      try requireUnused(adapterRow(db, named: name, of: model), of: model, db)
    }
  }

  /// Adds tags to an adapter and takes others away.
  @discardableResult
  public func tag(
    adapter name: String, adding added: [String] = [], removing removed: [String] = [], of model: String? = nil
  ) throws(RegistryError) -> AdapterRecord {
    for tag in added { _ = try ItemName(tag, for: .tag) }
    return try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try adapterRow(db, named: name, of: model)
      guard let id = row.id else { throw RegistryError.damaged(path: path, reason: "an adapter has no number") }
      for tag in removed { try AdapterTagRow.deleteOne(db, key: ["adapterId": id, "tag": tag]) }
      for tag in added { try AdapterTagRow(adapterId: id, tag: tag).insert(db, onConflict: .ignore) }
      try AdapterRow.filter(key: id).updateAll(db, Column("changed").set(to: Date()))
      let detail = (added.map { "+" + $0 } + removed.map { "-" + $0 }).joined(separator: " ")
      try note(.tagAdapter, model: model.name, subject: name, detail: detail, db)
      return try adapterRecord(db, name, of: model)
    }
  }

  /// Replaces an adapter's notes or metrics.
  ///
  /// - Parameters:
  ///   - name: the adapter.
  ///   - model: its base model.
  ///   - notes: free text; nil leaves it.
  ///   - metrics: a JSON object; nil leaves it.
  @discardableResult
  public func annotate(
    adapter name: String, of model: String? = nil, notes: String? = nil, metrics: String? = nil
  ) throws(RegistryError) -> AdapterRecord {
    if let notes { try StoredText.check(notes, what: "the notes") }
    if let metrics { try StoredText.checkObject(metrics, what: "the adapter's metrics") }
    return try storage.write { db in
      let model = try modelRow(db, named: model)
      var row = try adapterRow(db, named: name, of: model)
      row.notes = notes ?? row.notes
      row.metrics = metrics ?? row.metrics
      row.changed = Date()
      try row.update(db)
      try note(.annotate, model: model.name, subject: name, db)
      return try adapterRecord(db, name, of: model)
    }
  }

  // MARK: Uses

  /// Something that needs an adapter; compositions can be rewritten.
  struct Use {
    let name: String
    let expression: String?
    let table: String
    let key: Int64

    func rewrite(_ text: String, _ db: Database) throws {
      let column = table == "setup" ? "id" : "modelId"
      try db.execute(
        sql: "UPDATE \(table) SET expression = ?, changed = ? WHERE \(column) = ?", arguments: [text, Date(), key])
    }
  }

  func uses(of adapter: AdapterRow, _ db: Database) throws -> [Use] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT 'the active setup' AS name, activeSetup.expression, 'activeSetup' AS tableName,
          activeSetup.modelId AS key
        FROM activeSetupMember JOIN activeSetup ON activeSetup.modelId = activeSetupMember.modelId
        WHERE activeSetupMember.adapterId = :id
        UNION ALL
        SELECT 'the setup ''' || setup.name || '''', setup.expression, 'setup', setup.id
        FROM setupMember JOIN setup ON setup.id = setupMember.setupId WHERE setupMember.adapterId = :id
        UNION ALL
        SELECT 'the fusion ''' || fusion.name || '''', NULL, 'fusion', fusion.id
        FROM fusionMember JOIN fusion ON fusion.id = fusionMember.fusionId WHERE fusionMember.adapterId = :id
        """, arguments: ["id": adapter.id]
    )
    .map { Use(name: $0["name"], expression: $0["expression"], table: $0["tableName"], key: $0["key"]) }
  }

  func requireUnused(_ adapter: AdapterRow, of model: BaseModelRow, _ db: Database) throws {
    let users = try uses(of: adapter, db).map(\.name)
    guard users.isEmpty else {
      throw RegistryError.inUse(kind: .adapter, name: adapter.name, model: model.name, by: users)
    }
  }

  // MARK: Removing folders

  /// Deletes a folder's row. If the folder is the registry's to remove, it
  /// is noted as pending, and its stored path is returned: what a process
  /// that is stopped leaves is known to be unwanted.
  func forgetFolder(_ id: Int64, _ db: Database) throws -> String? {
    guard let folder = try FolderRow.fetchOne(db, key: id) else { return nil }
    try folder.delete(db)
    guard place.managedName(folder.path) != nil, FileSystem.exists(place.absolute(folder.path)) else { return nil }
    try PendingRemovalRow(path: folder.path).insert(db)
    return folder.path
  }

  /// Removes a folder that was noted as pending, and then the note.
  func finishRemoval(of stored: String?) throws(RegistryError) {
    guard let stored else { return }
    try FileSystem.removeTree(place.absolute(stored))
    try storage.write { db in _ = try PendingRemovalRow.deleteOne(db, key: stored) }
  }
}
