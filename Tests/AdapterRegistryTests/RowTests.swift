import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

/// Values in the file that nobody entered.
@Suite struct RowTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Changes the file behind the registry's back, as somebody who is stopped by no rule.
  private func change(_ sql: String) throws {
    let database = try DatabaseQueue(path: scratch.registryPath)
    try database.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
      try db.execute(sql: sql)
    }
    try database.close()
  }

  private func expectFault(_ table: String, _ column: String, _ what: String, _ body: (Registry) throws -> Void) throws
  {
    let registry = try Registry.open(path: scratch.registryPath, for: .reading)
    let error = failure { try body(registry) }
    guard case .badRow(_, let fault) = error else {
      Issue.record("\(what) gave \(String(describing: error))")
      return
    }
    #expect((fault.table, fault.column) == (table, column), "\(what)")
    let words = error?.description ?? ""
    #expect(words.contains("'\(table)'") && words.contains("'\(column)'"))
    #expect(!["Optional", "GRDB", "Decoding", "SELECT", "NSCocoa"].contains { words.contains($0) }, "\(words)")
  }

  @Test(arguments: [
    ("adapter", "headLabels", "'nope'"), ("adapter", "headLabels", "'[1, 2]'"), ("adapter", "headLabels", "'{}'"),
    ("adapter", "configuration", "'[]'"), ("adapter", "created", "'yesterday'"), ("adapter", "changed", "''"),
    ("adapter", "parameterCount", "-1"), ("adapter", "baseDigest", "'abc'"), ("adapter", "metrics", "'{'"),
    ("folder", "path", "'../x'"), ("folder", "path", "''"), ("folder", "digest", "'0'"), ("folder", "byteCount", "-5"),
  ])
  func aValueThatCannotBeIsNamedAndTheOtherRowsAreRead(_ table: String, _ column: String, _ value: String) throws {
    try scratch.registry(adapters: "a", "b").close()
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).adapters().count == 2)
    let condition = table == "adapter" ? "name = 'a'" : "path = 'Adapters/a'"
    try change("UPDATE \(table) SET \(column) = \(value) WHERE \(condition)")
    try expectFault(table, column, value) { _ = try $0.adapter(named: "a") }
    try expectFault(table, column, value) { _ = try $0.adapters() }
    let registry = try Registry.open(path: scratch.registryPath, for: .writing)
    var faults: [RegistryError] = []
    #expect(try registry.adapters { faults.append($0) }.map(\.name) == ["b"])
    #expect(faults.count == 1)
    #expect(try registry.adapter(named: "b").name == "b")
    try registry.activate("b", using: ["b"])
    try registry.tag(adapter: "b", adding: ["x"])
    // What is said about a damaged file may be wrong, so nothing is removed by it.
    guard case .damaged = failure(of: { try registry.removeAdapter("b") }) else {
      // SQLite itself does not find a fault in the text of a date.
      #expect(["created", "changed"].contains(column) || table == "adapter")
      return
    }
    #expect(try FileSystem.names(in: scratch.adapters) == ["a", "b"])
  }

  @Test func otherTablesNameTheirFaults() throws {
    try scratch.registry(adapters: "a").close()
    try change("UPDATE baseModel SET created = 'x'")
    try expectFault("baseModel", "created", "a date") { _ = try $0.models() }
    try change("UPDATE logEntry SET action = 'hack' WHERE id = 1")
    try expectFault("logEntry", "action", "an action") { _ = try $0.log() }
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).log { _ in }.map(\.number) == [2])
    try change("INSERT INTO activeSetup VALUES (1, printf('%.*c', 300000, '('), '2026-01-01 00:00:00.000')")
    try expectFault("activeSetup", "expression", "a long setup") { _ = try $0.activeSetup() }
  }

  @Test func aRowWithoutItsFolderIsNotLeftOutInSilence() throws {
    try scratch.registry(adapters: "a", "b").close()
    try change("DELETE FROM folder WHERE path = 'Adapters/a'")
    try expectFault("folder", "path", "no folder") { _ = try $0.adapters() }
    let registry = try Registry.open(path: scratch.registryPath, for: .reading)
    #expect(try registry.verify().contains { if case .damagedDatabase = $0 { true } else { false } })
  }

  /// A registry from elsewhere may hold any number of rows.
  @Test func aFolderOfMoreFilesThanAnyHasIsAFault() throws {
    try scratch.registry(adapters: "a").close()
    func add(_ numbers: ClosedRange<Int>) throws {
      try change(
        """
        WITH RECURSIVE n(i) AS (SELECT \(numbers.lowerBound) UNION ALL SELECT i + 1 FROM n WHERE i < \(numbers.upperBound))
        INSERT INTO file SELECT folder.id, 'f' || i, 0, '\(String.otherDigest)' FROM n, folder
        WHERE folder.path = 'Adapters/a'
        """)
    }
    let registry = try Registry.open(path: scratch.registryPath, for: .reading)
    try add(1...998)
    #expect(try registry.files(of: registry.adapter(named: "a")).count == 1000)
    try add(999...50_000)
    try expectFault("file", "folderId", "50,000 files") { _ = try $0.files(of: $0.adapter(named: "a")) }
    #expect(try registry.verify().contains { if case .damagedDatabase = $0 { true } else { false } })
  }
}
