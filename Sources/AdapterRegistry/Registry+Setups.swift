import Foundation
import GRDB

extension Registry {
  /// The composition that counts for a base model; nil if none does.
  public func activeSetup(of model: String? = nil) throws(RegistryError) -> ActiveSetup? {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      guard let row = try ActiveSetupRow.fetchOne(db, key: model.id) else { return nil }
      let adapters = try String.fetchAll(
        db,
        sql: """
          SELECT adapter.name FROM activeSetupMember JOIN adapter ON adapter.id = activeSetupMember.adapterId
          WHERE activeSetupMember.modelId = ? ORDER BY adapter.name
          """, arguments: [model.id])
      return ActiveSetup(model: model.name, expression: row.expression, adapters: adapters, changed: row.changed)
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
    try StoredText.check(expression, what: "the composition", mayBeEmpty: false)
    try storage.write { db in
      let model = try modelRow(db, named: model)
      guard let modelId = model.id else { return }
      let members = try adapterRows(db, named: Set(adapters).sorted(), of: model)
      try ActiveSetupRow.deleteOne(db, key: modelId)
      try ActiveSetupRow(modelId: modelId, expression: expression, changed: Date()).insert(db)
      for adapterId in members.compactMap(\.id) {
        try ActiveSetupMemberRow(modelId: modelId, adapterId: adapterId).insert(db)
      }
      try note(.activate, model: model.name, subject: model.name, detail: expression, db)
    }
  }

  /// Takes the active composition of a base model away, if there is one.
  public func deactivate(model: String? = nil) throws(RegistryError) {
    try storage.write { db in
      let model = try modelRow(db, named: model)
      guard try ActiveSetupRow.deleteOne(db, key: model.id) else { return }
      try note(.deactivate, model: model.name, subject: model.name, db)
    }
  }

  /// The named compositions of a base model, by name.
  public func setups(of model: String? = nil) throws(RegistryError) -> [SetupRecord] {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      let rows = try SetupRow.filter(Column("modelId") == model.id).order(Column("name")).fetchAll(db)
      let members = try Row.fetchAll(
        db,
        sql: """
          SELECT setupMember.setupId, adapter.name FROM setup
          JOIN setupMember ON setupMember.setupId = setup.id JOIN adapter ON adapter.id = setupMember.adapterId
          WHERE setup.modelId = ? ORDER BY adapter.name
          """, arguments: [model.id])
      let names = Dictionary(grouping: members) { $0["setupId"] as Int64 }
      return rows.map { row in
        SetupRecord(
          model: model.name, name: row.name, expression: row.expression,
          adapters: (row.id.flatMap { names[$0] } ?? []).map { $0["name"] }, created: row.created, changed: row.changed)
      }
    }
  }

  /// The composition of this name.
  ///
  /// - Throws: ``RegistryError/unknown(kind:name:model:nearest:)`` with
  ///   names that look like it.
  public func setup(named name: String, of model: String? = nil) throws(RegistryError) -> SetupRecord {
    let known = try setups(of: model)
    guard let setup = known.first(where: { $0.name == name }) else {
      throw .unknown(kind: .setup, name: name, model: model, nearest: known.map(\.name).nearest(to: name))
    }
    return setup
  }

  /// Gives a composition a name, which may have meant another one before.
  ///
  /// - Throws: ``RegistryError/nameTaken(kind:name:model:)`` if an adapter
  ///   has this name: it could not be told which one is meant.
  public func saveSetup(
    _ name: String, expression: String, using adapters: [String], of model: String? = nil
  ) throws(RegistryError) {
    let name = try ItemName(name, for: .setup).text
    try StoredText.check(expression, what: "the composition", mayBeEmpty: false)
    try storage.write { db in
      let model = try modelRow(db, named: model)
      guard let modelId = model.id else { return }
      let members = try adapterRows(db, named: Set(adapters).sorted(), of: model)
      try requireFree(name, for: .setup, of: model, db)
      let now = Date()
      let known = try SetupRow.filter(Column("modelId") == modelId && Column("name") == name).fetchOne(db)
      var row = known ?? SetupRow(id: nil, modelId: modelId, name: name, expression: "", created: now, changed: now)
      row.expression = expression
      row.changed = now
      try row.save(db)
      guard let setupId = row.id else { return }
      try SetupMemberRow.filter(Column("setupId") == setupId).deleteAll(db)
      for adapterId in members.compactMap(\.id) {
        try SetupMemberRow(setupId: setupId, adapterId: adapterId).insert(db)
      }
      try note(.saveSetup, model: model.name, subject: name, detail: expression, db)
    }
  }

  /// Forgets a named composition; an active setup that was made from it
  /// stays active.
  public func removeSetup(_ name: String, of model: String? = nil) throws(RegistryError) {
    try storage.write { db in
      let model = try modelRow(db, named: model)
      guard try SetupRow.filter(Column("modelId") == model.id && Column("name") == name).deleteAll(db) > 0 else {
        let names = try String.fetchAll(db, sql: "SELECT name FROM setup WHERE modelId = ?", arguments: [model.id])
        throw RegistryError.unknown(
          kind: .setup, name: name, model: model.name, nearest: names.nearest(to: name))
      }
      try note(.removeSetup, model: model.name, subject: name, db)
    }
  }

  /// The adapters, fusions and setups of a base model share one space of names.
  func requireFree(_ name: String, for kind: ItemKind, of model: BaseModelRow, _ db: Database) throws {
    let isOurs = Column("modelId") == model.id && Column("name") == name
    if try !AdapterRow.filter(isOurs).isEmpty(db) {
      throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name)
    }
    if try kind != .setup && !SetupRow.filter(isOurs).isEmpty(db) {
      throw RegistryError.nameTaken(kind: .setup, name: name, model: model.name)
    }
    if try !FusionRow.filter(isOurs).isEmpty(db) {
      throw RegistryError.nameTaken(kind: .fusion, name: name, model: model.name)
    }
  }
}
