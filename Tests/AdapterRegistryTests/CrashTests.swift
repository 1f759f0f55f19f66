import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

/// A child process is killed while it changes a registry; afterwards
/// nothing is lost, and every adapter is wholly there or wholly absent.
@Suite struct CrashTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let rounds = Int(ProcessInfo.processInfo.environment["REGISTRY_STRESS"] ?? "") ?? 12

  @Test func aWriterThatIsKilledBeforeItClosesLosesNoCommit() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    await #expect(processExitsWith: .signal(killSignal)) { [path = path as String] in
      let registry = try Registry.open(path: path, for: .writing)
      try registry.activate("a", using: ["a"])
      killThisProcess()
    }
    let reader = try Registry.open(path: path, for: .reading)
    #expect(try reader.activeSetup()?.expression == "a")
    #expect(try reader.verify().isEmpty)
    try Registry.open(path: path, for: .writing).close()
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
    #expect(try reader.activeSetup()?.expression == "a")
  }

  @Test func whatAKilledWriterLeftIsReadInAFolderThatMayNotBeWritten() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    await #expect(processExitsWith: .signal(killSignal)) { [path = path as String] in
      let registry = try Registry.open(path: path, for: .writing)
      try registry.activate("a", using: ["a"])
      killThisProcess()
    }
    try makeReadOnly(scratch.path)
    defer { try? makeWritable(scratch.path) }
    await #expect(processExitsWith: .success) { [path = path as String] in
      try becomeOrdinaryUser()
      try #require(try Registry.open(path: path, for: .reading).activeSetup()?.expression == "a")
    }
  }

  /// A journal that is not played back yet: SQLite must write to do it.
  @Test func aHalfWrittenFileIsTakenBackWhereItMayBeWritten() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    await #expect(processExitsWith: .signal(killSignal)) { [path = path as String] in
      let database = try DatabaseQueue(path: path)
      try database.write { db in
        try db.execute(sql: "PRAGMA cache_size = 1; PRAGMA cache_spill = 1")
        try db.execute(sql: "UPDATE adapter SET notes = 'half'")
        for _ in 0..<200 {
          try db.execute(
            sql: "INSERT INTO logEntry (date, action, subject, detail) VALUES ('', 'x', '', hex(randomblob(2000)))")
        }
        killThisProcess()
      }
    }
    #expect(try scratch.tree(scratch.home).contains("registry.sqlite-journal"))
    try makeReadOnly(scratch.path)
    await #expect(processExitsWith: .success) { [path = path as String] in
      try becomeOrdinaryUser()
      let error = failure { _ = try Registry.open(path: path, for: .reading) }
      try #require(error == .unfinishedChanges(path: path))
    }
    try makeWritable(scratch.path)
    #expect(try Registry.open(path: path, for: .reading).adapter(named: "a").notes == "")
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
  }

  @Test func anImportThatCannotBeWrittenIsWhollyAbsent() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    let source = try scratch.folder("from/b", ["adapter.safetensors": String(repeating: "weights", count: 100_000)])
    let tree = try scratch.tree(scratch.home)
    await #expect(processExitsWith: .success) { [path = path as String, source = source as String] in
      try limitFileSize(to: 300_000)
      try Registry.edit(path: path) { registry in
        let error = failure { try registry.importAdapter(folder: source, as: "b", describedBy: .example) }
        guard case .file(_, .write, _) = error else { throw error ?? RegistryError.notFound(path: path) }
      }
    }
    #expect(try scratch.tree(scratch.home) == tree)
    #expect(try Registry.open(path: path, for: .reading).verify().isEmpty)
  }

  @Test func anImportThatIsKilledBeforeItsCommitIsWhollyAbsent() async throws {
    try scratch.registry(adapters: "a").close()
    let (path, source) = (scratch.registryPath, try scratch.adapterFolder("from/b"))
    await #expect(processExitsWith: .signal(killSignal)) { [path = path as String, source = source as String] in
      let registry = try Registry.open(path: path, for: .writing)
      let copy = try Publication(of: source, files: nil, in: AdaptersFolder(changing: registry.place))
      try registry.storage.write { db in
        try copy.publish(as: #require(ManagedFolder(name: "b")))
        _ = try registry.enter(copy.contents, at: "Adapters/b", db)
        killThisProcess()
      }
    }
    let registry = try Registry.open(path: path, for: .writing)
    #expect(try registry.adapters().map(\.name) == ["a"])
    #expect(try registry.verify() == [.strayFolder(path: "\(scratch.adapters)/b")])
    #expect(try registry.repair { _ in .example }.map(\.outcome) == [.adopted(adapter: "b")])
    #expect(try registry.verify().isEmpty)
  }

  @Test func killedAtAnyMomentNothingIsLost() async throws {
    try scratch.registry(adapters: "keep").close()
    let path = scratch.registryPath
    let source = try scratch.folder(
      "from/x", ["adapter_config.json": "{}", "adapter.safetensors": String(repeating: "weights", count: 20_000)])
    var random = SystemRandomNumberGenerator()
    for round in 0..<Self.rounds {
      let delay = Int.random(in: 0...30_000, using: &random)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await killWhileWriting(path, source, "r\(round)", after: delay) }
        if round.isMultiple(of: 3) {
          group.addTask { await killWhileWriting(path, source, "s\(round)", after: 30_000 - delay) }
        }
      }
      try expectNothingLost(after: "round \(round), \(delay) µs")
    }
    let registry = try Registry.open(path: path, for: .writing)
    _ = try registry.repair { _ in .example }
    #expect(try registry.verify().isEmpty)
    try registry.close()
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
    #expect(try FileSystem.names(in: scratch.adapters).filter { $0.hasPrefix(AdaptersFolder.incoming) }.isEmpty)
  }

  /// Leftovers that belong to nothing may lie about; what has a row is whole.
  private func expectNothingLost(after what: String) throws {
    let reader = try Registry.open(path: scratch.registryPath, for: .reading)
    let lost = try reader.verify().filter { finding in
      switch finding {
      case .strayFolder, .abandonedImport, .unfinishedRemoval: false
      default: true
      }
    }
    #expect(lost.isEmpty, "\(what): \(lost)")
    #expect(try reader.adapters().contains { $0.name == "keep" }, "\(what)")
  }
}

/// Runs a child that imports, activates, renames and removes, and kills it
/// after so many microseconds.
private func killWhileWriting(_ path: String, _ source: String, _ prefix: String, after delay: Int) async {
  await #expect(processExitsWith: .signal(killSignal)) {
    [path = path as String, source = source as String, prefix = prefix as String, delay = delay as Int] in
    killThisProcess(after: delay)
    for turn in 0..<100_000 {
      try Registry.edit(path: path) { registry in
        let name = "\(prefix)-\(turn)"
        try registry.importAdapter(folder: source, as: name, describedBy: .example)
        try registry.saveSetup(prefix, expression: "Stack(keep, \(name))", using: ["keep", name])
        try registry.activate("keep", using: ["keep"])
        try registry.renameAdapter(name, to: name + "x") { _ in "renamed" }
        try registry.removeSetup(prefix)
        if turn % 2 == 0 { try registry.removeAdapter(name + "x") }
      }
    }
  }
}
