import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

/// Only folders directly in the folder of adapters are moved or removed, whatever the file says.
@Suite struct ManagedFolderTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test(arguments: [
    "", ".", "..", "/", "Adapters", "Adapters/", "Adapters/.", "Adapters/..", "Adapters/.quarantine", "Adapters//a",
    "Adapters/a/", "Adapters/a/b", "Adapters/a/..", "/Adapters/a", "./Adapters/a", "../Adapters/a", "Models/a",
    "adapters/a", "Adapters/a\0b", "Adapters/a/../../x",
  ])
  func anythingElseIsNoManagedFolder(_ path: String) {
    #expect(ManagedFolder(stored: "Adapters/a")?.stored == "Adapters/a")
    #expect(ManagedFolder(stored: path) == nil)
  }

  /// Notes a folder for removal, as somebody who is stopped by no rule.
  private func note(_ path: String) throws {
    let database = try DatabaseQueue(path: scratch.registryPath)
    try database.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
      try db.execute(sql: "INSERT INTO pendingRemoval VALUES (?)", arguments: [path])
    }
    try database.close()
  }

  @Test(arguments: [
    "Adapters/..", "Adapters", ".", "Models", "../outside", "Adapters/a/../../../outside", "Adapters/a",
  ])
  func aNoteThatLeadsElsewhereIsForgottenAndNothingIsRemoved(_ path: String) throws {
    try scratch.registry(adapters: "a").close()
    try scratch.folder("outside", ["file": "precious"])
    let tree = try scratch.tree(scratch.path)
    try note(path)
    let registry = try Registry.open(path: scratch.registryPath, for: .writing)
    #expect(try registry.verify() == [.unusableNote(path: path)])
    #expect(try registry.repair { _ in .example }.map(\.outcome) == [.forgotten])
    #expect(try registry.verify().isEmpty)
    try registry.close()
    #expect(try scratch.tree(scratch.path) == tree)
  }

  @Test func aFolderThatIsALinkIsUnlinkedAndNotFollowed() throws {
    let registry = try scratch.registry(adapters: "a")
    let outside = try scratch.folder("outside", ["file": "precious"])
    try FileManager.default.removeItem(atPath: "\(scratch.adapters)/a")
    try FileManager.default.createSymbolicLink(atPath: "\(scratch.adapters)/a", withDestinationPath: outside)
    try registry.removeAdapter("a")
    #expect(try FileSystem.names(in: scratch.adapters).isEmpty)
    #expect(try FileSystem.names(in: outside) == ["file"])
  }

  @Test func nothingIsRemovedThroughALinkInThePlaceOfTheFolderOfAdapters() throws {
    let registry = try scratch.registry(adapters: "a")
    try FileManager.default.moveItem(atPath: scratch.adapters, toPath: "\(scratch.path)/elsewhere")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.adapters, withDestinationPath: "\(scratch.path)/elsewhere")
    #expect(throws: RegistryError.self) { try registry.removeAdapter("a") }
    #expect(try FileSystem.names(in: "\(scratch.path)/elsewhere") == ["a"])
  }

  @Test func whatARemovalOnAFullDiskLeftIsFinished() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try scratch.adaptersFolder().folder.rename("a", to: ".removed-a")
    #expect(try registry.verify().count == 2)
    #expect(try registry.repair { _ in .example }.map(\.outcome) == [.discarded])
    #expect(try registry.adapters().map(\.name) == ["b"])
    #expect(try registry.verify().isEmpty)
    #expect(try FileSystem.names(in: scratch.adapters) == ["b"])
  }
}
