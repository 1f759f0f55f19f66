internal import Files
import Foundation
import GRDB

extension Registry {
  /// The composition that counts for a base model; nil if none does.
  public func activeSetup(of model: String? = nil) throws(RegistryError) -> ActiveSetup? {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      let row = try Row.fetchOne(
        db, sql: "SELECT modelId, expression, changed FROM activeSetup WHERE modelId = ?", arguments: [model.id])
      guard let reader = row.map({ RowReader($0, of: "activeSetup") }) else { return nil }
      return ActiveSetup(
        model: model.name, expression: try reader.text("expression", upTo: StoredText.compositionLimit),
        adapters: try db.names(
          """
          SELECT adapter.name FROM activeSetupMember JOIN adapter ON adapter.id = activeSetupMember.adapterId
          WHERE activeSetupMember.modelId = ? ORDER BY adapter.name
          """, [model.id]),
        changed: try reader.date("changed"))
    }
  }

  /// Makes a composition count for a base model, instead of the one before.
  ///
  /// - Parameters:
  ///   - expression: the composition, such as `Parallel(a, b)`.
  ///   - adapters: every adapter that it names; each is registered.
  ///   - model: the base model.
  public func activate(
    _ expression: String, using adapters: [String], of model: String? = nil
  ) throws(RegistryError) {
    try checkComposition(expression)
    try storage.write { db in
      let model = try modelKey(db, named: model)
      let members = try adapterKeys(db, named: Set(adapters).sorted(), of: model)
      try db.execute(sql: "DELETE FROM activeSetup WHERE modelId = ?", arguments: [model.id])
      try ActiveSetupRow(modelId: model.id, expression: expression, changed: Date()).insert(db)
      for member in members { try ActiveSetupMemberRow(modelId: model.id, adapterId: member.id).insert(db) }
      try note(.activate, model: model.name, subject: model.name, detail: expression, db)
    }
  }

  /// Takes the active composition of a base model away, if there is one.
  public func deactivate(model: String? = nil) throws(RegistryError) {
    try storage.write { db in
      let model = try modelKey(db, named: model)
      try db.execute(sql: "DELETE FROM activeSetup WHERE modelId = ?", arguments: [model.id])
      guard db.changesCount > 0 else { return }
      try note(.deactivate, model: model.name, subject: model.name, db)
    }
  }

  /// The named compositions of a base model, by name.
  ///
  /// `faults` is called for each row that cannot be read, and the others are
  /// returned; without it the first such row is thrown.
  public func setups(
    of model: String? = nil, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [SetupRecord] {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      return try setupRecords(db, where: "setup.modelId = ?", [model.id], of: model, faults: faults)
    }
  }

  /// The composition of this name.
  public func setup(named name: String, of model: String? = nil) throws(RegistryError) -> SetupRecord {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      let found = try setupRecords(db, where: "setup.modelId = ? AND setup.name = ?", [model.id, name], of: model)
      guard let record = found.first else { throw try unknownSetup(name, of: model, db) }
      return record
    }
  }

  /// Refuses a name that a setup, an adapter or a fusion has, before the work
  /// whose result is to get it.
  ///
  /// - Throws: ``RegistryError/nameTaken(kind:name:model:)``; ``RegistryError/badName(kind:name:reason:)``.
  public func requireFree(setup name: String, of model: String? = nil) throws(RegistryError) {
    let name = try ItemName(name, for: .setup).text
    try storage.read { db in
      let model = try modelKey(db, named: model)
      try requireFree(name, for: .setup, of: model, db)
      try requireNoSetup(name, of: model, db)
    }
  }

  /// Gives a composition a name, which may have meant another one before.
  ///
  /// - Parameters:
  ///   - name: what to call it.
  ///   - expression: the composition, such as `Parallel(a, b)`.
  ///   - adapters: every adapter that it names; each is registered.
  ///   - model: the base model.
  ///   - replacing: whether the name may have meant another composition.
  /// - Throws: ``RegistryError/nameTaken(kind:name:model:)`` if an adapter
  ///   has this name: it would be unclear which one is meant.
  public func saveSetup(
    _ name: String, expression: String, using adapters: [String], of model: String? = nil, replacing: Bool = true
  ) throws(RegistryError) {
    let name = try ItemName(name, for: .setup).text
    try checkComposition(expression)
    try storage.write { db in
      let model = try modelKey(db, named: model)
      let members = try adapterKeys(db, named: Set(adapters).sorted(), of: model)
      try requireFree(name, for: .setup, of: model, db)
      if !replacing { try requireNoSetup(name, of: model, db) }
      let now = Date()
      let id: Int64
      if let known = try Int64.fetchOne(
        db, sql: "SELECT id FROM setup WHERE modelId = ? AND name = ?", arguments: [model.id, name])
      {
        id = known
        try db.execute(
          sql: "UPDATE setup SET expression = ?, changed = ? WHERE id = ?", arguments: [expression, now, id])
        try db.execute(sql: "DELETE FROM setupMember WHERE setupId = ?", arguments: [id])
      } else {
        id =
          try SetupRow(
            id: nil, modelId: model.id, name: name, expression: expression, created: now, changed: now
          ).inserted(db).id ?? db.lastInsertedRowID
      }
      for member in members { try SetupMemberRow(setupId: id, adapterId: member.id).insert(db) }
      try note(.saveSetup, model: model.name, subject: name, detail: expression, db)
    }
  }

  /// Forgets a named composition; an active setup that was made from it
  /// stays active.
  public func removeSetup(_ name: String, of model: String? = nil) throws(RegistryError) {
    try storage.write { db in
      let model = try modelKey(db, named: model)
      try db.execute(sql: "DELETE FROM setup WHERE modelId = ? AND name = ?", arguments: [model.id, name])
      guard db.changesCount > 0 else { throw try unknownSetup(name, of: model, db) }
      try note(.removeSetup, model: model.name, subject: name, db)
    }
  }

  /// Adapters, setups and fusions of a base model share one space of names.
  func requireFree(_ name: String, for kind: ItemKind, of model: ItemKey, _ db: Database) throws {
    if try db.has("adapter", where: "modelId = ? AND name = ?", [model.id, name]) {
      throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name)
    }
    if kind != .setup { try requireNoSetup(name, of: model, db) }
    if try db.has("fusion", where: "modelId = ? AND name = ?", [model.id, name]) {
      throw RegistryError.nameTaken(kind: .fusion, name: name, model: model.name)
    }
  }

  private func requireNoSetup(_ name: String, of model: ItemKey, _ db: Database) throws {
    if try db.has("setup", where: "modelId = ? AND name = ?", [model.id, name]) {
      throw RegistryError.nameTaken(kind: .setup, name: name, model: model.name)
    }
  }

  // MARK: Rows

  private func setupRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments, of model: ItemKey,
    faults: ((RegistryError) -> Void)? = nil
  ) throws -> [SetupRecord] {
    let rows = try Row.fetchCursor(
      db, sql: "SELECT * FROM setup WHERE \(condition) ORDER BY name", arguments: arguments)
    return try records(rows, of: "setup", faults: faults) { reader in
      let id = try reader.key("id")
      return SetupRecord(
        model: model.name, name: try reader.text("name"),
        expression: try reader.text("expression", upTo: StoredText.compositionLimit),
        adapters: try db.names(
          """
          SELECT adapter.name FROM setupMember JOIN adapter ON adapter.id = setupMember.adapterId
          WHERE setupMember.setupId = ? ORDER BY adapter.name
          """, [id]),
        created: try reader.date("created"), changed: try reader.date("changed"))
    }
  }

  private func unknownSetup(_ name: String, of model: ItemKey, _ db: Database) throws -> RegistryError {
    let names = try db.names("SELECT name FROM setup WHERE modelId = ?", [model.id])
    return .unknown(kind: .setup, name: name, model: model.name, nearest: NearestNames.of(name, in: names))
  }

  private func checkComposition(_ expression: String) throws(RegistryError) {
    try StoredText.check(
      expression, what: "the composition", mayBeEmpty: false, upTo: StoredText.compositionLimit)
  }
}
