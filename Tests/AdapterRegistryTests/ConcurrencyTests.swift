import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct ConcurrencyTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func twoWritersTakeTurns() throws {
    let first = try scratch.registry(adapters: "a", "b")
    let second = try Registry.open(path: scratch.registryPath, for: .writing)
    try first.activate("a", using: ["a"])
    try second.saveSetup("s", expression: "b", using: ["b"])
    try first.renameAdapter("b", to: "c") { _ in "c" }
    #expect(try second.setups().map(\.expression) == ["c"])
    #expect(try second.activeSetup()?.expression == "a")
    try first.close()
    #expect(try second.adapters().map(\.name) == ["a", "c"])
    try second.activate("c", using: ["c"])
    try second.close()
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
  }

  @Test func ofTwoImportsOfOneNameOneWins() async throws {
    try scratch.registry().close()
    let sources = try (0..<8).map { try scratch.adapterFolder("from/\($0)", seed: "\($0)") }
    let path = scratch.registryPath
    let results = await withTaskGroup(of: Bool.self) { group in
      for source in sources {
        group.addTask {
          let result = try? Registry.edit(path: path) { registry in
            try registry.importAdapter(folder: source, as: "same", describedBy: .example)
          }
          return result != nil
        }
      }
      return await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(results.filter { $0 }.count == 1)
    let reader = try Registry.open(path: path, for: .reading)
    #expect(try reader.adapters().map(\.name) == ["same"])
    #expect(try reader.verify().isEmpty)
    #expect(try FileSystem.names(in: scratch.adapters) == ["same"])
  }

  @Test func manyTasksShareOneRegistry() async throws {
    let registry = try scratch.registry()
    let sources = try (0..<24).map { try scratch.adapterFolder("from/\($0)") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, source) in sources.enumerated() {
        group.addTask {
          try registry.importAdapter(folder: source, as: "a\(number)", describedBy: .example)
          try registry.activate("a\(number)", using: ["a\(number)"])
          _ = try registry.adapters()
        }
      }
      try await group.waitForAll()
    }
    #expect(try registry.adapters().count == 24)
    #expect(try registry.adapters().filter(\.isActive).count == 1)
    #expect(try registry.verify().isEmpty)
  }

  /// Each task opens and closes the file, so that the log is turned on and
  /// off all the time, while others read.
  @Test func writersThatComeAndGoLoseNothing() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<4 {
        group.addTask {
          for turn in 0..<10 {
            try Registry.edit(path: path) { registry in
              _ = try registry.tag(adapter: "a", adding: ["w\(writer)-\(turn)"])
            }
          }
        }
      }
      for _ in 0..<2 {
        group.addTask {
          for _ in 0..<40 { _ = try Registry.open(path: path, for: .reading).adapters() }
        }
      }
      try await group.waitForAll()
    }
    let reader = try Registry.open(path: path, for: .reading)
    #expect(try reader.adapter(named: "a").tags.count == 40)
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
  }
}

@Suite struct BusyVerificationTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: [Registry.Access.reading, .writing])
  func whatAnotherProcessDoesMeanwhileIsNoFinding(_ access: Registry.Access) async throws {
    try scratch.registry(adapters: "keep").close()
    let (path, source) = (scratch.registryPath, try scratch.adapterFolder("from/x"))
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        for turn in 0..<15 {
          try Registry.edit(path: path) { registry in
            try registry.importAdapter(folder: source, as: "n\(turn)", describedBy: .example)
            try registry.renameAdapter("n\(turn)", to: "m\(turn)")
            if turn % 3 != 0 { try registry.removeAdapter("m\(turn)") }
          }
        }
      }
      group.addTask {
        for _ in 0..<15 {
          let findings = try Registry.open(path: path, for: access).verify()
          // An import that runs is nothing abandoned, and a removal that runs
          // may be seen as one that is not finished.
          let faults = findings.filter { if case .unfinishedRemoval = $0 { false } else { true } }
          #expect(faults.isEmpty)
        }
      }
      try await group.waitForAll()
    }
    #expect(try Registry.open(path: path, for: .reading).verify().isEmpty)
  }

  @Test(arguments: [Registry.Access.reading, .writing])
  func aFolderThatSomebodyHoldsIsOnItsWay(_ access: Registry.Access) throws {
    try scratch.registry(adapters: "keep").close()
    try scratch.adapterFolder("home/Adapters/new")
    try scratch.folder("home/Adapters/.incoming-1", [:])
    let registry = try Registry.open(path: scratch.registryPath, for: access)
    #expect(try registry.verify().count == 2)
    let locks = try ["new", ".incoming-1"].map { try FolderLock(on: "\(scratch.adapters)/\($0)", .exclusive) }
    #expect(try registry.verify().isEmpty)
    for lock in locks { lock.release() }
    #expect(try registry.verify().count == 2)
  }
}

@Suite struct SizeTests {
  @Test func aThousandAdaptersAreListedInOneGo() throws {
    let scratch = try Scratch()
    let registry = try scratch.registry(adapters: "a")
    try registry.storage.write { db in
      try db.execute(
        sql: """
          WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
          INSERT INTO folder (id, path, byteCount, digest)
          SELECT i + 1000, 'Adapters/n' || i, 1, (SELECT digest FROM folder LIMIT 1) FROM n
          """)
      try db.execute(
        sql: """
          INSERT INTO adapter (modelId, name, folderId, method, configuration, parameterCount, headKind, headLabels,
            notes, source, created, changed)
          SELECT adapter.modelId, 'n' || (folder.id - 1000), folder.id, method, configuration, 1, headKind, headLabels,
            '', '', created, changed FROM adapter, folder WHERE folder.id > 1000
          """)
      try db.execute(sql: "INSERT INTO adapterTag SELECT id, 'tag' || (id % 7) FROM adapter")
    }
    try registry.close()
    let reader = try Registry.open(path: scratch.registryPath, for: .reading)
    let clock = ContinuousClock()
    var adapters: [AdapterRecord] = []
    let listing = try clock.measure { adapters = try reader.adapters() }
    #expect(adapters.count == 1000)
    #expect(adapters.allSatisfy { $0.tags.count == 1 && $0.head?.labels.count == 2 })
    // The aim is 0.1 s in a release build; a build without optimisation on a
    // busy machine gets room.
    #expect(listing < .seconds(2))
    let lookUp = try clock.measure { _ = try reader.adapter(named: "n500") }
    #expect(lookUp < .seconds(0.5))
  }

  @Test func lookingUpUsesAnIndex() throws {
    let scratch = try Scratch()
    let registry = try scratch.registry(adapters: "a")
    let queries = [
      "SELECT * FROM adapter WHERE modelId = 1 AND name = 'a'",
      "SELECT * FROM adapterTag WHERE adapterId = 1",
      "SELECT * FROM activeSetupMember WHERE adapterId = 1",
      "SELECT * FROM setupMember WHERE adapterId = 1",
      "SELECT * FROM fusionMember WHERE adapterId = 1",
      "SELECT * FROM folder WHERE path = 'Adapters/a'",
      "SELECT * FROM file WHERE folderId = 1",
      "SELECT * FROM baseModel WHERE isDefault = 1",
    ]
    try registry.storage.read { db in
      let scan = try plan("SELECT * FROM adapter WHERE method = 'lora'", db)
      #expect(scan.contains { $0.hasPrefix("SCAN") })
      for query in queries {
        let steps = try plan(query, db)
        #expect(steps.allSatisfy { $0.hasPrefix("SEARCH") }, "\(query): \(steps)")
      }
    }
  }
}

private func plan(_ query: String, _ db: Database) throws -> [String] {
  try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(query)").map { $0["detail"] }
}
