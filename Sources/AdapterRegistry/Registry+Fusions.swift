internal import Files
import Foundation
import GRDB

extension Registry {
  /// The fusions of a base model, by name.
  ///
  /// `faults` is called for each row that cannot be read, and the others are
  /// returned; without it the first such row is thrown.
  public func fusions(
    of model: String? = nil, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [FusionRecord] {
    try storage.read { db in
      let model = try modelKey(db, named: model)
      return try fusionRecords(db, where: "fusion.modelId = ?", [model.id], faults: faults)
    }
  }

  /// The fusion of this name.
  public func fusion(named name: String, of model: String? = nil) throws(RegistryError) -> FusionRecord {
    try storage.read { db in try fusionRecord(db, name, of: modelKey(db, named: model)) }
  }

  /// Gives a fusion another name. Its folder keeps its own.
  public func renameFusion(_ name: String, to newName: String, of model: String? = nil) throws(RegistryError) {
    let newName = try ItemName(newName, for: .fusion).text
    try storage.write { db in
      let model = try modelKey(db, named: model)
      let key = try fusionKey(db, named: name, of: model)
      guard newName != name else { return }
      try requireFree(newName, for: .fusion, of: model, db)
      try db.execute(
        sql: "UPDATE fusion SET name = ?, changed = ? WHERE id = ?", arguments: [newName, Date(), key.id])
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
    try remove { db in
      let model = try modelKey(db, named: model)
      let key = try fusionKey(db, named: name, of: model)
      let users = try setupExpressions(of: model, db).filter { uses($0.expression) }.map(\.name)
      guard users.isEmpty else {
        throw RegistryError.inUse(kind: .fusion, name: name, model: model.name, by: users)
      }
      return [Removal(.fusion, key, of: model)]
    }
  }

  /// The active composition of a base model and its named ones.
  private func setupExpressions(of model: ItemKey, _ db: Database) throws -> [(name: String, expression: String)] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT NULL AS name, modelId AS id, expression FROM activeSetup WHERE modelId = :id
        UNION ALL
        SELECT name, id, expression FROM setup WHERE modelId = :id
        """, arguments: ["id": model.id])
    return try records(rows, of: "setup", faults: nil) { reader in
      let name = try reader.textIfPresent("name").map { "the setup '\($0)'" } ?? "the active setup"
      return (name, try reader.text("expression", upTo: StoredText.compositionLimit))
    }
  }

  /// The files of a fusion with their digests, by name.
  public func files(of fusion: FusionRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in
      try fileRecords(db, of: fusionKey(db, named: fusion.name, of: modelKey(db, named: fusion.model)).folderId)
    }
  }

  // MARK: Rows

  func fusionRecord(_ db: Database, _ name: String, of model: ItemKey) throws -> FusionRecord {
    let key = try fusionKey(db, named: name, of: model)
    guard let record = try fusionRecords(db, where: "fusion.id = ?", [key.id]).first else {
      throw RegistryError.unknown(kind: .fusion, name: name, model: model.name, nearest: [])
    }
    return record
  }

  func fusionKey(_ db: Database, named name: String, of model: ItemKey) throws -> ItemKey {
    if let key = try ItemKey.fetchOne(db, "fusion", where: "modelId = ? AND name = ?", [model.id, name]) { return key }
    let names = try db.names("SELECT name FROM fusion WHERE modelId = ?", [model.id])
    throw RegistryError.unknown(kind: .fusion, name: name, model: model.name, nearest: NearestNames.of(name, in: names))
  }

  /// A composition names a fusion by its adapters, so no two may join the same.
  func requireFree(joining adapters: [String], of model: ItemKey, _ db: Database) throws {
    let known = try fusionRecords(db, where: "fusion.modelId = ?", [model.id]) { _ in }
    if let other = known.first(where: { $0.adapters == adapters }) {
      throw RegistryError.badValue(
        what: "the fusion", reason: "'\(other.name)' joins the same adapters; remove that one first")
    }
  }

  func fusionRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments,
    faults: ((RegistryError) -> Void)? = nil
  ) throws -> [FusionRecord] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT fusion.*, baseModel.name AS model, folder.path AS path, folder.byteCount AS byteCount,
          folder.digest AS digest
        FROM fusion LEFT JOIN baseModel ON baseModel.id = fusion.modelId
          LEFT JOIN folder ON folder.id = fusion.folderId
        WHERE \(condition) ORDER BY fusion.name
        """, arguments: arguments)
    return try records(rows, of: "fusion", faults: faults) { reader in
      FusionRecord(
        model: try reader.text("model", of: "baseModel"), name: try reader.text("name"),
        adapters: try members(db, ofFusion: reader.key("id")),
        path: place.absolute(try reader.path("path", of: "folder")), configuration: try reader.object("configuration"),
        parameterCount: try reader.integer("parameterCount"), byteCount: try reader.integer("byteCount", of: "folder"),
        digest: try reader.digest("digest", of: "folder"), head: try reader.head(),
        notes: try reader.text("notes", upTo: StoredText.notesLimit),
        source: try reader.text("source", upTo: StoredText.pathLimit), created: try reader.date("created"),
        changed: try reader.date("changed"))
    }
  }

  private func members(_ db: Database, ofFusion id: Int64) throws -> [String] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT fusionMember.fusionId AS id, adapter.name AS adapter FROM fusionMember
        LEFT JOIN adapter ON adapter.id = fusionMember.adapterId
        WHERE fusionMember.fusionId = ? ORDER BY fusionMember.position
        """, arguments: [id])
    return try records(rows, of: "fusionMember", faults: nil) { try $0.text("adapter", of: "adapter") }
  }
}
