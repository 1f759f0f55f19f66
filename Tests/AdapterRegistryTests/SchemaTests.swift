import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct SchemaTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Runs SQL on the file behind the registry's back, foreign keys on.
  private func change(_ sql: String) throws {
    let database = try DatabaseQueue(path: scratch.registryPath)
    try database.write { db in try db.execute(sql: sql) }
    try database.close()
  }

  private static let digest = String(repeating: "0", count: 64)

  @Test func aNewRegistryHasEveryTableAndItsVersion() throws {
    try scratch.emptyRegistry().close()
    let database = try DatabaseQueue(path: scratch.registryPath)
    let (tables, loose, version) = try database.read { db in
      let names = try String.fetchAll(
        db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
      let loose = try String.fetchAll(
        db,
        sql: "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict ORDER BY name")
      return (names, loose, try Int.fetchOne(db, sql: "PRAGMA user_version"))
    }
    #expect(
      tables == [
        "activeSetup", "activeSetupMember", "adapter", "adapterTag", "baseModel", "file", "folder", "fusion",
        "fusionMember", "grdb_migrations", "logEntry", "origin", "pendingRemoval", "setup", "setupMember", "training",
      ])
    #expect(loose == ["grdb_migrations", "sqlite_schema", "sqlite_sequence"])
    #expect(version == RegistrySchema.version)
  }

  @Test func theSchemaHoldsByItself() throws {
    try scratch.registry(adapters: "a").close()
    try change("INSERT INTO folder VALUES (10, 'Adapters/b', 0, '\(Self.digest)')")
    let refused = [
      "INSERT INTO folder VALUES (11, '../x', 0, '\(Self.digest)')",
      "INSERT INTO folder VALUES (11, 'a/../../x', 0, '\(Self.digest)')",
      "INSERT INTO folder VALUES (11, 'Adapters/b', 0, '\(Self.digest)')",
      "INSERT INTO folder VALUES (11, 'Adapters/c', -1, '\(Self.digest)')",
      "INSERT INTO folder VALUES (11, 'Adapters/c', 0, 'abc')",
      "INSERT INTO folder VALUES (11, 'Adapters/c', 'many', '\(Self.digest)')",
      "INSERT INTO file VALUES (10, 'a/b', 0, '\(Self.digest)')",
      "INSERT INTO file VALUES (99, 'a', 0, '\(Self.digest)')",
      "INSERT INTO baseModel VALUES (2, 'other', 10, '{}', 0, 1, '', '', '')",
      "INSERT INTO baseModel VALUES (2, 'tiny', 10, '{}', 0, 0, '', '', '')",
      "INSERT INTO baseModel VALUES (2, 'other', 10, '[]', 0, 0, '', '', '')",
      "UPDATE adapter SET name = '../a'",
      "UPDATE adapter SET configuration = '{'",
      "UPDATE adapter SET headLabels = NULL",
      "UPDATE adapter SET baseDigest = 'x'",
      "UPDATE adapter SET parameterCount = -1",
      "UPDATE adapter SET modelId = 99",
      "DELETE FROM baseModel",
      "DELETE FROM folder",
      "INSERT INTO pendingRemoval VALUES ('Adapters/../x')",
      "INSERT INTO pendingRemoval VALUES ('Models/x')",
      "INSERT INTO pendingRemoval VALUES ('Adapters/..')",
      "INSERT INTO pendingRemoval VALUES ('Adapters/.')",
      "INSERT INTO pendingRemoval VALUES ('Adapters/')",
      "INSERT INTO pendingRemoval VALUES ('Adapters/.quarantine')",
      "INSERT INTO training VALUES (1, -1, NULL)",
      "INSERT INTO training VALUES (1, 1, '[]')",
      "INSERT INTO origin VALUES (1, '', 'ab')",
      "INSERT INTO origin VALUES (1, 'hf:a/b', '../x')",
    ]
    for sql in refused {
      #expect(throws: DatabaseError.self, "\(sql)") { try change(sql) }
    }
  }

  @Test func aNewerSchemaIsRefusedAndLeftAlone() throws {
    try scratch.registry(adapters: "a").close()
    #expect(throws: Never.self) { try Registry.open(path: scratch.registryPath, for: .reading) }
    try change("PRAGMA user_version = 7")
    let before = try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
    for access in [Registry.Access.reading, .writing] {
      let error = failure { _ = try Registry.open(path: scratch.registryPath, for: access) }
      #expect(error == .newerSchema(path: scratch.registryPath, found: 7, known: RegistrySchema.version))
      #expect(error?.description.contains("a newer program wrote it") == true)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath)) == before)
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
  }

  /// A registry of schema version 1, as an earlier program wrote it.
  private func olderRegistry() throws {
    let draft = try DatabaseQueue(path: scratch.folder("home", [:]) + "/registry.sqlite")
    try RegistrySchema.migrator.migrate(draft, upTo: "models, adapters, fusions, setups and the log")
    try draft.write { db in
      try db.execute(
        sql: """
          INSERT INTO folder VALUES (1, 'Models/m', 0, '\(Self.digest)');
          INSERT INTO baseModel VALUES (1, 'm', 1, '{}', 0, 1, '', '2026-01-01 00:00:00.000', '2026-01-01 00:00:00.000');
          INSERT INTO pendingRemoval VALUES ('Adapters/..'), ('Adapters/gone');
          """)
    }
    try draft.close()
  }

  @Test func anOlderSchemaIsReadAsItIsAndBroughtUpToDateByAWriter() throws {
    try olderRegistry()
    let before = try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).models().map(\.name) == ["m"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath)) == before)
    let registry = try Registry.open(path: scratch.registryPath, for: .writing)
    #expect(try registry.models().map(\.name) == ["m"])
    // A note that no longer fits the rule is not taken along.
    #expect(try registry.storage.read { db in try db.names("SELECT path FROM pendingRemoval") } == ["Adapters/gone"])
    try registry.close()
    let database = try DatabaseQueue(path: scratch.registryPath)
    #expect(try database.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") } == RegistrySchema.version)
    try database.close()
  }

  @Test(arguments: [
    "CREATE VIEW v AS SELECT 1", "CREATE TRIGGER t AFTER INSERT ON logEntry BEGIN SELECT 1; END",
    "CREATE INDEX i ON adapter (notes)", "CREATE TABLE more (x)", "ALTER TABLE adapter ADD COLUMN more TEXT",
    "ALTER TABLE folder ADD COLUMN more TEXT AS (path || path)", "DROP INDEX adapterTagOnTag", "DROP TABLE setupMember",
    "ALTER TABLE adapter RENAME TO other", "CREATE TABLE \"a\u{1B}[31mb\" (x)",
  ])
  func aSchemaOfSomebodyElseIsRefused(_ statement: String) throws {
    try scratch.registry(adapters: "a").close()
    #expect(throws: Never.self) { try Registry.open(path: scratch.registryPath, for: .reading) }
    try change(statement)
    for access in [Registry.Access.reading, .writing] {
      let error = failure { _ = try Registry.open(path: scratch.registryPath, for: access) }
      guard case .notARegistry(_, let reason) = error else {
        Issue.record("\(statement): \(String(describing: error))")
        continue
      }
      #expect(!reason.contains("CREATE") && !reason.contains("\u{1B}"))
    }
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
  }

  @Test func anotherProgramsDatabaseIsRefusedAndLeftAlone() throws {
    let draft = try DatabaseQueue(path: scratch.folder("home", [:]) + "/registry.sqlite")
    try draft.write { db in try db.execute(sql: "CREATE TABLE note (text TEXT)") }
    try draft.close()
    for access in [Registry.Access.reading, .writing] {
      let error = failure { _ = try Registry.open(path: scratch.registryPath, for: access) }
      guard case .notARegistry = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
    }
    let database = try DatabaseQueue(path: scratch.registryPath)
    #expect(try database.read { db in try String.fetchAll(db, sql: "SELECT name FROM sqlite_master") } == ["note"])
    try database.close()
  }

  @Test(arguments: [Registry.Access.reading, .writing])
  func whatIsNoDatabaseIsRefused(_ access: Registry.Access) throws {
    #expect(
      failure { _ = try Registry.open(path: scratch.registryPath, for: access) }
        == .notFound(path: scratch.registryPath))
    try scratch.folder("home", ["registry.sqlite": String(repeating: "no database ", count: 1000)])
    guard case .notARegistry = failure(of: { _ = try Registry.open(path: scratch.registryPath, for: access) }) else {
      Issue.record("text was taken for a registry")
      return
    }
    try scratch.folder("home", ["registry.sqlite": ""])
    guard case .notARegistry = failure(of: { _ = try Registry.open(path: scratch.registryPath, for: access) }) else {
      Issue.record("an empty file was taken for a registry")
      return
    }
  }

  @Test func aDamagedDatabaseIsReported() throws {
    try scratch.registry(adapters: "a", "b").close()
    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
    for index in 4096..<bytes.count { bytes[index] = 0xAA }
    try bytes.write(to: URL(fileURLWithPath: scratch.registryPath))
    let error = failure { _ = try Registry.open(path: scratch.registryPath, for: .reading).adapters() }
    guard case .damaged = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func aTruncatedDatabaseIsReported() throws {
    try scratch.registry(adapters: "a").close()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
    for count in [bytes.count / 2, 4096, 100, 10] {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: scratch.registryPath))
      #expect(throws: RegistryError.self) { try Registry.open(path: scratch.registryPath, for: .reading).allAdapters() }
    }
  }

  @Test func aRegistryIsNotMadeWhereSomethingIs() throws {
    try scratch.registry(adapters: "a").close()
    #expect(
      failure { _ = try Registry.create(path: scratch.registryPath) } == .alreadyExists(path: scratch.registryPath))
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).adapters().map(\.name) == ["a"])
  }
}
