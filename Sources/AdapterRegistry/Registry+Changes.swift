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
      let model = try modelKey(db, named: model)
      let key = try adapterKey(db, named: name, of: model)
      guard newName != name else { return }
      try requireFree(newName, for: .adapter, of: model, db)
      try db.execute(
        sql: "UPDATE adapter SET name = ?, changed = ? WHERE id = ?", arguments: [newName, Date(), key.id])
      var stuck: [String] = []
      for use in try uses(of: key, db) {
        guard let setup = use.setup else { continue }
        guard let text = rewriting(setup.expression), !text.isEmpty else {
          stuck.append(use.name)
          continue
        }
        try setup.rewrite(text, db)
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
    try remove { db in
      let model = try modelKey(db, named: model)
      let key = try adapterKey(db, named: name, of: model)
      try requireUnused(key, of: model, db)
      return [Removal(.adapter, key, of: model)]
    }
  }

  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` if ``removeAdapter(_:of:)`` would.
  public func requireUnused(adapter name: String, of model: String? = nil) throws(RegistryError) {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      try requireUnused(adapterKey(db, named: name, of: model), of: model, db)
    }
  }

  /// Adds tags to an adapter and takes others away.
  @discardableResult
  public func tag(
    adapter name: String, adding added: [String] = [], removing removed: [String] = [], of model: String? = nil
  ) throws(RegistryError) -> AdapterRecord {
    for tag in added { _ = try ItemName(tag, for: .tag) }
    return try storage.write { db in
      let model = try modelKey(db, named: model)
      let id = try adapterKey(db, named: name, of: model).id
      for tag in removed {
        try db.execute(sql: "DELETE FROM adapterTag WHERE adapterId = ? AND tag = ?", arguments: [id, tag])
      }
      for tag in added { try AdapterTagRow(adapterId: id, tag: tag).insert(db, onConflict: .ignore) }
      try db.execute(sql: "UPDATE adapter SET changed = ? WHERE id = ?", arguments: [Date(), id])
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
    if let notes { try StoredText.check(notes, what: "the notes", upTo: StoredText.notesLimit) }
    if let metrics { try StoredText.checkObject(metrics, what: "the adapter's metrics") }
    return try storage.write { db in
      let model = try modelKey(db, named: model)
      let key = try adapterKey(db, named: name, of: model)
      try db.execute(
        sql: "UPDATE adapter SET notes = ifnull(?, notes), metrics = ifnull(?, metrics), changed = ? WHERE id = ?",
        arguments: [notes, metrics, Date(), key.id])
      try note(.annotate, model: model.name, subject: name, db)
      return try adapterRecord(db, name, of: model)
    }
  }

  // MARK: Uses

  /// Something that needs an adapter.
  struct Use {
    /// A composition, which can be rewritten.
    struct Setup {
      let expression: String
      let table: String
      let key: Int64

      func rewrite(_ text: String, _ db: Database) throws {
        let column = table == "setup" ? "id" : "modelId"
        try db.execute(
          sql: "UPDATE \(table) SET expression = ?, changed = ? WHERE \(column) = ?", arguments: [text, Date(), key])
      }
    }

    let name: String
    /// Nil for a fusion.
    let setup: Setup?
  }

  func uses(of adapter: ItemKey, _ db: Database) throws -> [Use] {
    func setups(_ sql: String, in table: String, _ name: (RowReader) throws -> String) throws -> [Use] {
      let rows = try Row.fetchCursor(db, sql: sql, arguments: [adapter.id])
      return try records(rows, of: table, faults: nil) { reader in
        let expression = try reader.text("expression", upTo: StoredText.compositionLimit)
        return Use(
          name: try name(reader), setup: Use.Setup(expression: expression, table: table, key: try reader.key("id")))
      }
    }
    let active = try setups(
      """
      SELECT activeSetup.modelId AS id, activeSetup.expression FROM activeSetupMember
      JOIN activeSetup ON activeSetup.modelId = activeSetupMember.modelId WHERE activeSetupMember.adapterId = ?
      """, in: "activeSetup"
    ) { _ in "the active setup" }
    let named = try setups(
      """
      SELECT setup.id, setup.name, setup.expression FROM setupMember
      JOIN setup ON setup.id = setupMember.setupId WHERE setupMember.adapterId = ? ORDER BY setup.name
      """, in: "setup"
    ) { "the setup '\(try $0.text("name"))'" }
    let fusions = try db.names(
      """
      SELECT 'the fusion ''' || fusion.name || '''' FROM fusionMember
      JOIN fusion ON fusion.id = fusionMember.fusionId WHERE fusionMember.adapterId = ? ORDER BY fusion.name
      """, [adapter.id])
    return active + named + fusions.map { Use(name: $0, setup: nil) }
  }

  func requireUnused(_ adapter: ItemKey, of model: ItemKey, _ db: Database) throws {
    let users = try uses(of: adapter, db).map(\.name)
    guard users.isEmpty else {
      throw RegistryError.inUse(kind: .adapter, name: adapter.name, model: model.name, by: users)
    }
  }
}
