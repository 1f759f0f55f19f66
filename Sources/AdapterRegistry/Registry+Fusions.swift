import Foundation
import GRDB

extension Registry {
  /// The fusions of a base model, by name.
  public func fusions(of model: String? = nil) throws(RegistryError) -> [FusionRecord] {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      return try fusionRecords(db, where: "fusion.modelId = ?", [model.id])
    }
  }

  /// Forgets a fusion and removes its folder from the folder of adapters.
  public func removeFusion(_ name: String, of model: String? = nil) throws(RegistryError) {
    let leftover = try storage.write { db in
      let model = try modelRow(db, named: model)
      let row = try fusionRow(db, named: name, of: model)
      try row.delete(db)
      try note(.removeFusion, model: model.name, subject: name, db)
      return try forgetFolder(row.folderId, db)
    }
    try finishRemoval(of: leftover)
  }

  // MARK: Rows

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
