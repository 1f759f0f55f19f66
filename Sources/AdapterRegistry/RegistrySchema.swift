import GRDB

/// The tables, and how a database gets them.
///
/// A migration that was released is never edited: a change of the tables is
/// a new migration, which sets the next `user_version`. Each one only
/// creates and drops tables, because SQLite rewrites the text of a table
/// that is altered, and not every version of it in the same way.
enum RegistrySchema {
  /// The newest schema that this program knows.
  static let version = migrations.count

  /// Marks the file as a registry of adapters ("ADPT").
  static let applicationID = 0x4144_5054

  /// The migrations in order; the n-th makes schema version n.
  private static let migrations: [(name: String, sql: String)] = [
    ("models, adapters, fusions, setups and the log", firstTables),
    ("how adapters were trained, and stricter names of folders to remove", secondTables),
    ("where adapters were fetched from", thirdTables),
  ]

  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for (index, migration) in migrations.enumerated() {
      migrator.registerMigration(migration.name) { db in
        try db.execute(sql: migration.sql)
        try db.execute(sql: "PRAGMA application_id = \(applicationID); PRAGMA user_version = \(index + 1)")
      }
    }
    return migrator
  }

  /// Refuses a file that is no registry, whose schema is newer than this
  /// program, or that holds anything else than the tables and indices of its
  /// schema version: a view or a trigger would run statements that nobody
  /// checked.
  ///
  /// - Returns: the schema version found.
  static func check(_ db: Database, path: String) throws -> Int {
    let id = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
    guard id == applicationID else {
      let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") == 0
      throw RegistryError.notARegistry(
        path: path, reason: isEmpty ? "it is empty" : "it is an SQLite database of something else")
    }
    let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
    guard found <= version else { throw RegistryError.newerSchema(path: path, found: found, known: version) }
    guard found >= 0 else { throw RegistryError.notARegistry(path: path, reason: "its schema version is \(found)") }
    let expected = found == version ? newest : try entries(ofVersion: found)
    let entries = try SchemaEntry.fetchAll(db)
    if let stranger = entries.subtracting(expected).min() {
      let known = expected.contains { $0.kind == stranger.kind && $0.name == stranger.name }
      throw RegistryError.notARegistry(
        path: path,
        reason:
          "its \(stranger) \(known ? "differs from the one that this program makes" : "was not made by this program")")
    }
    if let missing = expected.subtracting(entries).min() {
      throw RegistryError.notARegistry(path: path, reason: "its \(missing) is missing")
    }
    return found
  }

  private static let newest = (try? entries(ofVersion: version)) ?? []

  /// What a database of a schema version holds: one is made in memory.
  private static func entries(ofVersion version: Int) throws -> Set<SchemaEntry> {
    guard version > 0 else { return [] }
    let example = try DatabaseQueue()
    defer { try? example.close() }
    try migrator.migrate(example, upTo: migrations[version - 1].name)
    return try example.read(SchemaEntry.fetchAll)
  }
}

/// A row of `sqlite_schema`: a table, an index, a view or a trigger.
private struct SchemaEntry: Hashable, Comparable, CustomStringConvertible {
  let kind: String
  let name: String
  let table: String
  /// Nil for the indices of primary keys and unique columns.
  let sql: String?

  static func fetchAll(_ db: Database) throws -> Set<SchemaEntry> {
    // No registry has a tenth as many entries; one more than allowed makes the comparison fail.
    let rows = try Row.fetchAll(db, sql: "SELECT type, name, tbl_name, sql FROM sqlite_schema LIMIT 1000")
    return Set(rows.map(SchemaEntry.init))
  }

  private init(_ row: Row) {
    func text(_ index: Int) -> String? { String.fromDatabaseValue(row[index] as DatabaseValue) }
    (kind, name, table, sql) = (text(0) ?? "", text(1) ?? "", text(2) ?? "", text(3))
  }

  static func < (a: Self, b: Self) -> Bool { (a.kind, a.name, a.sql ?? "") < (b.kind, b.name, b.sql ?? "") }

  var description: String {
    "\(["table", "index", "view", "trigger"].contains(kind) ? kind : "schema entry") '\(name.excerpt)'"
  }
}
