import Foundation
import GRDB

extension Registry {
  /// The fusions of a base model, by name.
  public func fusions(of model: String? = nil) throws(RegistryError) -> [FusionRecord] {
    try storage.read { db in try fusionRecords(db, of: modelRow(db, named: model)) }
  }

  /// The fusion of this name.
  ///
  /// - Throws: ``RegistryError/unknown(kind:name:model:nearest:)`` with
  ///   names that look like it.
  public func fusion(named name: String, of model: String? = nil) throws(RegistryError) -> FusionRecord {
    try storage.read { db in try fusionRecord(db, name, of: modelRow(db, named: model)) }
  }

  /// The files of a fusion with their digests, by name.
  public func files(of fusion: FusionRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in
      try fileRows(db, of: fusionRow(db, named: fusion.name, of: modelRow(db, named: fusion.model)).folderId)
    }
  }

  /// Gives a fusion another name. Compositions name its adapters, so that
  /// none changes.
  public func renameFusion(_ name: String, to newName: String, of model: String? = nil) throws(RegistryError) {
    let newName = try ItemName(newName, for: .fusion).text
    try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try fusionRow(db, named: name, of: model)
      guard newName != name else { return }
      try requireFree(newName, for: .fusion, of: model, db)
      try FusionRow.filter(key: row.id)
        .updateAll(db, Column("name").set(to: newName), Column("changed").set(to: Date()))
      try note(.renameFusion, model: model.name, subject: name, detail: newName, db)
    }
  }

  /// Forgets a fusion and removes its folder from the folder of adapters.
  ///
  /// - Parameters:
  ///   - name: the fusion.
  ///   - model: its base model.
  ///   - uses: whether a composition needs the fusion. It does not use the
  ///     registry.
  /// - Throws: ``RegistryError/inUse(kind:name:model:by:)`` with the setups
  ///   that use it.
  public func removeFusion(
    _ name: String, of model: String? = nil, usedBy uses: (String) -> Bool = { _ in false }
  ) throws(RegistryError) {
    let leftover = try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try fusionRow(db, named: name, of: model)
      let users = try setupExpressions(of: model, db).filter { uses($0.expression) }.map(\.name)
      guard users.isEmpty else {
        throw RegistryError.inUse(kind: .fusion, name: name, model: model.name, by: users)
      }
      try row.delete(db)
      try note(.removeFusion, model: model.name, subject: name, db)
      return try forgetFolder(row.folderId, db)
    }
    try finishRemoval(of: leftover)
  }

  // MARK: Rows

  func fusionRecords(_ db: Database, of model: BaseModelRow) throws -> [FusionRecord] {
    try fusionRecords(db, where: "fusion.modelId = ?", [model.id])
  }

  /// The active composition of a base model and its named ones.
  private func setupExpressions(of model: BaseModelRow, _ db: Database) throws -> [(name: String, expression: String)] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT 'the active setup' AS name, expression FROM activeSetup WHERE modelId = :id
        UNION ALL
        SELECT 'the setup ''' || name || '''', expression FROM setup WHERE modelId = :id
        """, arguments: ["id": model.id]
    ).map { ($0["name"], $0["expression"]) }
  }

  func fusionRecord(_ db: Database, _ name: String, of model: BaseModelRow) throws -> FusionRecord {
    let row = try fusionRow(db, named: name, of: model)
    guard let record = try fusionRecords(db, where: "fusion.id = ?", [row.id]).first else {
      throw RegistryError.damaged(path: path, reason: "a fusion has no folder")
    }
    return record
  }

  private func fusionRow(_ db: Database, named name: String, of model: BaseModelRow) throws -> FusionRow {
    let row = try FusionRow.filter(Column("modelId") == model.id && Column("name") == name).fetchOne(db)
    guard let row else {
      let names = try String.fetchAll(db, sql: "SELECT name FROM fusion WHERE modelId = ?", arguments: [model.id])
      throw RegistryError.unknown(kind: .fusion, name: name, model: model.name, nearest: names.nearest(to: name))
    }
    return row
  }

  private func fusionRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments
  ) throws -> [FusionRecord] {
    let members = try Row.fetchAll(
      db,
      sql: """
        SELECT fusionMember.fusionId AS id, adapter.name FROM fusion
        JOIN fusionMember ON fusionMember.fusionId = fusion.id JOIN adapter ON adapter.id = fusionMember.adapterId
        WHERE \(condition) ORDER BY fusionMember.position
        """, arguments: arguments)
    let names = Dictionary(grouping: members) { $0["id"] as Int64 }
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT fusion.*, baseModel.name AS model, folder.path AS path, folder.byteCount AS byteCount,
          folder.digest AS digest
        FROM fusion JOIN baseModel ON baseModel.id = fusion.modelId JOIN folder ON folder.id = fusion.folderId
        WHERE \(condition) ORDER BY fusion.name
        """, arguments: arguments)
    let decoder = JSONDecoder()
    return try rows.map { row in
      FusionRecord(
        model: row["model"], name: row["name"], adapters: (names[row["id"]] ?? []).map { $0["name"] },
        path: place.absolute(row["path"]), configuration: row["configuration"],
        parameterCount: row["parameterCount"], byteCount: row["byteCount"], digest: try row.digest("digest"),
        head: try HeadDescription(kind: row["headKind"], labels: row["headLabels"], decoder),
        notes: row["notes"], source: row["source"], created: row["created"], changed: row["changed"])
    }
  }
}
