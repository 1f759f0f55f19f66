import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

/// Registry files that were changed by chance: every use of one ends in time, with a result or with a sentence, and
/// nothing outside the folder of adapters is touched.
@Suite struct MutationTests {
  /// How many files; `REGISTRY_STRESS=500 swift test` is the long form, with 100,000.
  static let files = Int(ProcessInfo.processInfo.environment["REGISTRY_STRESS"] ?? "").map { $0 * 200 } ?? 60

  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func aFileThatWasChangedByChanceIsReadOrRefusedInASentence() throws {
    let seed = try seedFile()
    let outside = try scratch.tree(scratch.path).filter { !$0.hasPrefix("home/") }
    var (refused, answered) = (0, 0)
    for number in 0..<Self.files {
      var random = Repeatable(seed: UInt64(number))
      try restore(seed)
      if number % 3 == 0 { try mutateRows(using: &random) } else { try mutateBytes(using: &random) }
      let clock = ContinuousClock()
      var outcomes: [Bool] = []
      let duration = try clock.measure { outcomes = try use(number) }
      #expect(duration < .seconds(10), "file \(number)")
      refused += outcomes.count { !$0 }
      answered += outcomes.count { $0 }
      guard try scratch.tree(scratch.path).filter({ !$0.hasPrefix("home/") }) == outside else {
        Issue.record("file \(number): something outside was changed")
        return
      }
    }
    // Negative controls: some files are refused, and some uses of damaged files are answered.
    #expect(refused > Self.files / 10 && answered > Self.files / 10, "\(refused) refused, \(answered) answered")
  }

  // MARK: Files

  private func seedFile() throws -> Data {
    let registry = try scratch.registry(adapters: "a", "b", "c")
    let fusion = try scratch.folder("fusion", ["model_adapter_fusion.safetensors": "f"])
    try registry.importFusion(
      folder: fusion, as: "f",
      describedBy: FusionDescription(adapters: ["a", "b"], configuration: "{}", parameterCount: 3))
    try registry.saveSetup("s", expression: "Stack(a, b)", using: ["a", "b"])
    try registry.activate("Parallel(a, b)", using: ["a", "b"])
    try registry.tag(adapter: "a", adding: ["x", "y"])
    try registry.close()
    try scratch.folder("outside", ["file": "precious"])
    try FileManager.default.copyItem(atPath: scratch.adapters, toPath: "\(scratch.path)/adapters")
    return try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
  }

  private func restore(_ seed: Data) throws {
    for name in try FileSystem.names(in: scratch.home) where name.hasPrefix("registry") || name == "Adapters" {
      try FileSystem.remove("\(scratch.home)/\(name)")
    }
    try seed.write(to: URL(fileURLWithPath: scratch.registryPath))
    try FileManager.default.copyItem(atPath: "\(scratch.path)/adapters", toPath: scratch.adapters)
  }

  private func mutateBytes(using random: inout Repeatable) throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath))
    let page = 4096
    let pages = bytes.count / page
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes = bytes.prefix(Int.random(in: 0...bytes.count, using: &random))
    case 1:
      let (from, to) = (Int.random(in: 0..<pages, using: &random), Int.random(in: 0..<pages, using: &random))
      bytes.replaceSubrange(to * page..<(to + 1) * page, with: Data(bytes[from * page..<(from + 1) * page]))
    case 2:
      let start = Int.random(in: 0..<pages, using: &random) * page
      bytes.replaceSubrange(start..<start + page, with: Data(count: page))
    case 3:
      // The headers of pages and the first cells hold counts and offsets.
      for _ in 0..<4 {
        let start = Int.random(in: 0..<pages, using: &random) * page
        bytes[start + Int.random(in: 0..<40, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
    default:
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
      }
    }
    try bytes.write(to: URL(fileURLWithPath: scratch.registryPath))
  }

  /// Values that cannot be, and entries of the schema that nobody made.
  private func mutateRows(using random: inout Repeatable) throws {
    let database = try DatabaseQueue(path: scratch.registryPath)
    defer { try? database.close() }
    try database.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF")
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        if Int.random(in: 0..<6, using: &random) == 0 {
          let statement = Self.statements.randomElement(using: &random) ?? ""
          try? db.execute(sql: statement)
          continue
        }
        let tables = try String.fetchAll(
          db, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
        guard let table = tables.randomElement(using: &random),
          let column = try db.columns(in: table).map(\.name).sorted().randomElement(using: &random)
        else { continue }
        let value = Self.values.randomElement(using: &random) ?? "NULL"
        // What even an unchecked table refuses is no mutation.
        try? db.execute(sql: "UPDATE \"\(table)\" SET \"\(column)\" = \(value)")
      }
    }
  }

  private static let values = [
    "NULL", "''", "0", "-1", "9223372036854775807", "'x'", "'../outside'", "'Adapters/..'", "'Adapters'", "'/'",
    "'{'", "'[]'", "'[1]'", "'{}'", "x'ff'", "1.5", "'\u{1B}[31m'", "printf('%.*c', 200000, 'x')",
    "printf('%.*c', 100000, '[')", "rowid", "'2026-13-99 99:99:99.999'", "char(0)", "'Stack(' || hex(randomblob(9))",
  ]

  private static let statements = [
    "CREATE VIEW v AS WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c",
    "CREATE TRIGGER t AFTER INSERT ON logEntry BEGIN DELETE FROM adapter; END",
    "CREATE TABLE more (x)", "CREATE INDEX i ON adapter (notes)", "DROP TABLE setupMember", "PRAGMA user_version = -5",
    "PRAGMA user_version = 1", "PRAGMA application_id = 0", "DELETE FROM grdb_migrations", "DELETE FROM folder",
    "INSERT INTO pendingRemoval VALUES ('../outside'), ('Adapters/..'), ('Adapters/a'), ('Adapters/none')",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 2",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE x (' WHERE name = 'adapter'",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'folder'",
    "PRAGMA auto_vacuum = FULL; VACUUM", "PRAGMA journal_mode = wal", "PRAGMA page_size = 512; VACUUM",
  ]

  // MARK: Uses

  /// What every use of the file came to: true for a result, false for a sentence.
  private func use(_ number: Int) throws -> [Bool] {
    let reading: [(Registry) throws -> Void] = [
      { _ = try $0.models() }, { _ = try $0.adapters { _ in } }, { _ = try $0.fusions() }, { _ = try $0.setups() },
      { _ = try $0.activeSetup() }, { _ = try $0.log() }, { _ = try $0.verify() },
      { _ = try $0.files(of: $0.adapter(named: "a")) },
    ]
    let writing: [(Registry) throws -> Void] = [
      { try $0.activate("c", using: ["c"]) }, { try $0.tag(adapter: "c", adding: ["z"]) },
      { try $0.renameAdapter("c", to: "d") { $0 } }, { try $0.removeAdapter("d") }, { try $0.removeFusion("f") },
      { _ = try $0.repair { _ in .example } }, { try $0.removeModel(named: "tiny", withContents: true) },
    ]
    var outcomes = [ended(number) { _ = try Registry.open(path: scratch.registryPath, for: .reading) }]
    for body in reading {
      outcomes.append(ended(number) { try body(Registry.open(path: scratch.registryPath, for: .reading)) })
    }
    for body in writing {
      outcomes.append(ended(number) { try Registry.edit(path: scratch.registryPath, body) })
    }
    return outcomes
  }

  private func ended(_ number: Int, _ body: () throws -> Void) -> Bool {
    do {
      try body()
      return true
    } catch let error as RegistryError {
      let words = error.description
      let foreign = ["Optional", "GRDB", "Decoding", "NSCocoa", "SELECT", "INSERT", "CREATE", "\u{1B}", "(code 1)"]
      #expect(words.hasSuffix(".") && !foreign.contains { words.contains($0) }, "file \(number): \(words)")
    } catch {
      Issue.record("file \(number): \(error)")
    }
    return false
  }
}

/// Random numbers that a seed repeats (SplitMix64).
private struct Repeatable: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
