import Foundation
import GRDB

extension Registry {
  /// The adapters of a base model, by name.
  public func adapters(of model: String? = nil) throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      return try adapterRecords(db, where: "adapter.modelId = ?", [model.id])
    }
  }

  /// The adapters of every base model, by base model and name.
  public func allAdapters() throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in try adapterRecords(db, where: "1") }
  }

  /// The adapter of this name.
  ///
  /// - Throws: ``RegistryError/unknown(kind:name:model:nearest:)`` with
  ///   names that look like it.
  public func adapter(named name: String, of model: String? = nil) throws(RegistryError) -> AdapterRecord {
    try storage.read { db in try adapterRecord(db, name, of: modelRow(db, named: model)) }
  }

  /// The adapters of these names, in their order, read at one moment.
  public func adapters(named names: [String], of model: String? = nil) throws(RegistryError) -> [AdapterRecord] {
    try storage.read { db in
      let model = try modelRow(db, named: model)
      let rows = try adapterRows(db, named: names, of: model)
      let ids = rows.map { String($0.id ?? 0) }.joined(separator: ", ")
      let records = try adapterRecords(db, where: "adapter.id IN (\(ids))")
      let byName = Dictionary(uniqueKeysWithValues: records.map { ($0.name, $0) })
      return names.compactMap { byName[$0] }
    }
  }

  /// The files of an adapter with their digests, by name.
  public func files(of adapter: AdapterRecord) throws(RegistryError) -> [FileRecord] {
    try storage.read { db in
      let row = try adapterRow(db, named: adapter.name, of: modelRow(db, named: adapter.model))
      return try fileRows(db, of: row.folderId)
    }
  }

  // MARK: Rows

  func adapterRecord(_ db: Database, _ name: String, of model: BaseModelRow) throws -> AdapterRecord {
    let row = try adapterRow(db, named: name, of: model)
    guard let record = try adapterRecords(db, where: "adapter.id = ?", [row.id]).first else {
      throw RegistryError.damaged(path: path, reason: "an adapter has no folder")
    }
    return record
  }

  /// One query for everything that a record holds. Tags are joined by a
  /// character that no tag contains.
  private func adapterRecords(
    _ db: Database, where condition: String, _ arguments: StatementArguments = []
  ) throws -> [AdapterRecord] {
    let rows = try Row.fetchCursor(
      db,
      sql: """
        SELECT adapter.*, baseModel.name AS model, folder.path AS path, folder.byteCount AS byteCount,
          folder.digest AS digest,
          (SELECT group_concat(tag, char(31)) FROM adapterTag WHERE adapterId = adapter.id) AS tags,
          EXISTS (SELECT 1 FROM activeSetupMember WHERE adapterId = adapter.id) AS isActive
        FROM adapter JOIN baseModel ON baseModel.id = adapter.modelId JOIN folder ON folder.id = adapter.folderId
        WHERE \(condition) ORDER BY baseModel.name, adapter.name
        """, arguments: arguments)
    let decoder = JSONDecoder()
    var records: [AdapterRecord] = []
    while let row = try rows.next() {
      let tags: String? = row["tags"]
      records.append(
        AdapterRecord(
          model: row["model"], name: row["name"], path: place.absolute(row["path"]), method: row["method"],
          configuration: row["configuration"], parameterCount: row["parameterCount"], byteCount: row["byteCount"],
          digest: try row.digest("digest"), baseDigest: try row.digestIfPresent("baseDigest"),
          head: try HeadDescription(kind: row["headKind"], labels: row["headLabels"], decoder),
          metrics: row["metrics"], tags: tags?.split(separator: "\u{1F}").map(String.init).sorted() ?? [],
          notes: row["notes"], source: row["source"], isActive: row["isActive"],
          created: row["created"], changed: row["changed"]))
    }
    return records
  }

  func adapterRow(_ db: Database, named name: String, of model: BaseModelRow) throws -> AdapterRow {
    let row = try AdapterRow.filter(Column("modelId") == model.id && Column("name") == name).fetchOne(db)
    guard let row else {
      let names = try String.fetchAll(db, sql: "SELECT name FROM adapter WHERE modelId = ?", arguments: [model.id])
      throw RegistryError.unknown(
        kind: .adapter, name: name, model: model.name, nearest: names.nearest(to: name))
    }
    return row
  }

  /// The rows of adapters in the order of their names; each must be there.
  func adapterRows(_ db: Database, named names: [String], of model: BaseModelRow) throws -> [AdapterRow] {
    let rows = try AdapterRow.filter(Column("modelId") == model.id && names.contains(Column("name"))).fetchAll(db)
    let byName = Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0) })
    return try names.map { name in try byName[name] ?? adapterRow(db, named: name, of: model) }
  }
}

extension HeadDescription {
  init?(kind: String?, labels: String?, _ decoder: JSONDecoder) throws {
    guard let kind, let labels else { return nil }
    self.init(kind: kind, labels: labels == "[]" ? [] : try decoder.decode([String].self, from: Data(labels.utf8)))
  }
}
