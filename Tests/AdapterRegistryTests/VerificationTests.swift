import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct VerificationTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func owner(_ name: String) -> Owner { Owner(kind: .adapter, name: name, model: "tiny") }

  private func write(_ text: String, to path: String) throws {
    try text.write(toFile: path, atomically: false, encoding: .utf8)
  }

  private func repair(_ registry: Registry, changed: ChangedFolders = .quarantine) throws -> [RepairStep.Outcome] {
    try registry.repair(changed: changed) { path in
      guard FileSystem.exists("\(path)/adapter_config.json") else { throw RegistryError.notFound(path: path) }
      return .example
    }
    .map(\.outcome)
  }

  @Test func whatIsAsItWasEnteredHasNoFinding() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    var seen: [String] = []
    #expect(try registry.verify { seen.append($0.name) }.isEmpty)
    #expect(seen.sorted() == ["a", "b", "tiny"])
    #expect(try repair(registry).isEmpty)
  }

  @Test func everyKindOfFaultIsFound() throws {
    let registry = try scratch.registry(adapters: "a", "b", "c")
    let recorded = try registry.files(of: registry.adapter(named: "a")).first { $0.name == "adapter.safetensors" }
    let adapters = scratch.adapters
    try write("other", to: "\(adapters)/a/adapter.safetensors")
    try write("new", to: "\(adapters)/a/new")
    try FileManager.default.removeItem(atPath: "\(adapters)/a/adapter_config.json")
    try FileManager.default.removeItem(atPath: "\(adapters)/b")
    try scratch.adapterFolder("home/Adapters/stray")
    try scratch.adapterFolder("home/Adapters/.incoming-1")
    try scratch.adapterFolder("home/Adapters/.quarantine/old")
    try write("not a folder", to: "\(adapters)/README.md")
    try write("x", to: "\(scratch.home)/Models/tiny/model.safetensors")
    let findings = Set(try registry.verify())
    let base = try registry.model()
    #expect(
      findings == [
        .changedFile(
          owner: owner("a"), path: "\(adapters)/a/adapter.safetensors", recorded: try #require(recorded).digest,
          found: ContentDigest(of: "other".utf8)),
        .addedFile(owner: owner("a"), path: "\(adapters)/a/new"),
        .missingFile(owner: owner("a"), path: "\(adapters)/a/adapter_config.json"),
        .missingFolder(owner: owner("b"), path: "\(adapters)/b"),
        .strayFolder(path: "\(adapters)/stray"),
        .abandonedImport(path: "\(adapters)/.incoming-1"),
        .changedFile(
          owner: Owner(kind: .model, name: "tiny", model: nil), path: "\(base.path)/model.safetensors",
          recorded: ContentDigest(of: "base".utf8), found: ContentDigest(of: "x".utf8)),
      ])
    #expect(findings.allSatisfy { !$0.description.isEmpty })
  }

  @Test func aStrayAdapterIsAdoptedAndAnotherFolderQuarantined() throws {
    let registry = try scratch.registry(adapters: "a")
    try scratch.adapterFolder("home/Adapters/stray")
    try scratch.adapterFolder("home/Adapters/bad name")
    try scratch.folder("home/Adapters/pictures", ["x.png": "x"])
    #expect(
      try repair(registry) == [
        .quarantined(path: "\(scratch.adapters)/.quarantine/bad name"),
        .quarantined(path: "\(scratch.adapters)/.quarantine/pictures"),
        .adopted(adapter: "stray"),
      ])
    #expect(try registry.adapters().map(\.name) == ["a", "stray"])
    #expect(try scratch.tree("\(scratch.adapters)/.quarantine/pictures") == ["x.png"])
    #expect(try registry.verify().isEmpty)
    try scratch.folder("home/Adapters/pictures", ["y.png": "y"])
    #expect(try repair(registry) == [.quarantined(path: "\(scratch.adapters)/.quarantine/pictures-2")])
  }

  @Test func aStrayIsLeftWhereNoBaseModelIsKnown() throws {
    let registry = try scratch.emptyRegistry()
    try scratch.adapterFolder("home/Adapters/stray")
    let reason = RegistryError.noDefaultModel(path: scratch.registryPath).clause
    #expect(try repair(registry) == [.left(reason: reason)])
    #expect(FileSystem.exists("\(scratch.adapters)/stray"))
  }

  @Test func aFolderThatWasMovedIsFoundAgain() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try FileManager.default.moveItem(atPath: "\(scratch.adapters)/a", toPath: "\(scratch.adapters)/moved")
    try FileManager.default.removeItem(atPath: "\(scratch.adapters)/b")
    let outcomes = try repair(registry)
    #expect(
      outcomes == [
        .restored(path: "\(scratch.adapters)/moved"),
        .left(reason: "put the folder back, or remove the adapter 'b' of the base model 'tiny'"),
      ])
    #expect(try registry.adapter(named: "a").path == "\(scratch.adapters)/moved")
    try registry.removeAdapter("b")
    #expect(try registry.verify().isEmpty)
  }

  @Test func aChangedAdapterIsQuarantinedUnlessItIsUsed() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.activate("b", using: ["b"])
    for name in ["a", "b"] {
      try write("other", to: "\(scratch.adapters)/\(name)/adapter.safetensors")
      try write("new", to: "\(scratch.adapters)/\(name)/new")
    }
    let moved = RepairStep.Outcome.quarantined(path: "\(scratch.adapters)/.quarantine/a")
    let left = RepairStep.Outcome.left(reason: "it is used by the active setup")
    #expect(try repair(registry) == [moved, moved, left, left])
    #expect(try registry.adapters().map(\.name) == ["b"])
    #expect(try FileSystem.names(in: "\(scratch.adapters)/.quarantine/a").contains("new"))
  }

  @Test func aChangedAdapterIsAcceptedOnRequest() throws {
    let registry = try scratch.registry(adapters: "a")
    let before = try registry.adapter(named: "a")
    try write("other", to: "\(before.path)/adapter.safetensors")
    try write("x", to: "\(scratch.home)/Models/tiny/model.safetensors")
    let outcomes = try repair(registry, changed: .accept)
    let after = try registry.adapter(named: "a")
    #expect(after.digest != before.digest)
    #expect(Set(outcomes) == [.renewed(digest: after.digest), .renewed(digest: try registry.model().digest)])
    #expect(try registry.verify().isEmpty)
  }

  @Test func aChangedBaseModelIsNeverMoved() throws {
    let registry = try scratch.registry()
    try write("x", to: "\(scratch.home)/Models/tiny/model.safetensors")
    #expect(try repair(registry) == [.left(reason: "its folder does not lie in the folder of adapters")])
    #expect(FileSystem.exists("\(scratch.home)/Models/tiny/model.safetensors"))
  }

  @Test func whatAStoppedImportLeftIsRemovedOnceNobodyFillsIt() throws {
    let registry = try scratch.registry()
    try scratch.adapterFolder("home/Adapters/.incoming-1")
    let running = try Publication(of: scratch.adapterFolder("source"), files: nil, in: scratch.adaptersFolder())
    #expect(try FileSystem.names(in: scratch.adapters).count == 2)
    #expect(try repair(registry) == [.discarded])
    #expect(try FileSystem.names(in: scratch.adapters).count == 1)
    running.withdraw(from: nil)
    #expect(try FileSystem.names(in: scratch.adapters).isEmpty)
  }

  @Test func aFolderThatWasRenamedButNotEnteredIsAStray() throws {
    let registry = try scratch.registry()
    do {
      let stopped = try Publication(of: scratch.adapterFolder("source"), files: nil, in: scratch.adaptersFolder())
      try stopped.publish(as: #require(ManagedFolder(name: "a")))
      // While it runs it holds the folder.
      #expect(try registry.verify().isEmpty)
      withExtendedLifetime(stopped) {}
    }
    #expect(try registry.adapters().isEmpty)
    #expect(try registry.verify() == [.strayFolder(path: "\(scratch.adapters)/a")])
    // A new import takes another folder, and the repair finds the name taken.
    let again = try registry.importAdapter(folder: scratch.adapterFolder("source"), as: "a", describedBy: .example)
    #expect(again.path == "\(scratch.adapters)/a-2")
    #expect(try repair(registry) == [.quarantined(path: "\(scratch.adapters)/.quarantine/a")])
    #expect(try registry.verify().isEmpty)
  }

  @Test func aStoppedRemovalIsFinished() throws {
    let registry = try scratch.registry(adapters: "a")
    try registry.storage.write { db in
      try db.execute(
        sql:
          "DELETE FROM adapter; DELETE FROM folder WHERE path = 'Adapters/a'; INSERT INTO pendingRemoval VALUES ('Adapters/a')"
      )
    }
    #expect(try registry.verify() == [.unfinishedRemoval(path: "\(scratch.adapters)/a")])
    // The name is free; the folder that is to go is not taken for it.
    let again = try registry.importAdapter(folder: scratch.adapterFolder("source"), as: "a", describedBy: .example)
    #expect(again.path == "\(scratch.adapters)/a-2")
    #expect(try repair(registry) == [.discarded])
    #expect(try FileSystem.names(in: scratch.adapters) == ["a-2"])
    #expect(try registry.verify().isEmpty)
  }
}
