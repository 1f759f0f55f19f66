import Foundation
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
    #expect(try scratch.tree(scratch.home).contains("registry.sqlite-wal"))
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

  @Test func anImportThatIsKilledBeforeItsCommitIsWhollyAbsent() async throws {
    try scratch.registry(adapters: "a").close()
    let (path, source) = (scratch.registryPath, try scratch.adapterFolder("from/b"))
    await #expect(processExitsWith: .signal(killSignal)) { [path = path as String, source = source as String] in
      let registry = try Registry.open(path: path, for: .writing)
      let copy = try Publication(of: source, files: nil, in: registry.adaptersFolder)
      try registry.storage.write { db in
        try copy.publish(as: "\(registry.adaptersFolder)/b")
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
      await #expect(processExitsWith: .signal(killSignal)) {
        [path = path as String, source = source as String, delay = delay as Int, round = round as Int] in
        killThisProcess(after: delay)
        for turn in 0..<100_000 {
          try Registry.edit(path: path) { registry in
            let name = "r\(round)-\(turn)"
            try registry.importAdapter(folder: source, as: name, describedBy: .example)
            try registry.activate("Stack(keep, \(name))", using: ["keep", name])
            try registry.renameAdapter(name, to: name + "x") { _ in "renamed" }
            try registry.deactivate()
            if turn % 2 == 0 { try registry.removeAdapter(name + "x") }
          }
        }
      }
      try expectNothingLost(after: "round \(round), \(delay) µs")
    }
    let registry = try Registry.open(path: path, for: .writing)
    _ = try registry.repair { _ in .example }
    #expect(try registry.verify().isEmpty)
    try registry.close()
    #expect(try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } == ["registry.sqlite"])
    #expect(try FileSystem.names(in: scratch.adapters).filter { $0.hasPrefix(Publication.stagingPrefix) }.isEmpty)
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
