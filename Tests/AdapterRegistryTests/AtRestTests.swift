import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct AtRestTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func files() throws -> [String] { try scratch.tree(scratch.home).filter { $0.hasPrefix("registry") } }

  private func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: scratch.registryPath)) }

  /// The two bytes of the header that say whether there is a log.
  private func headerVersions() throws -> [UInt8] { Array(try bytes()[18..<20]) }

  @Test func aWriterHasAJournalDuringAChangeAlone() throws {
    let registry = try scratch.registry(adapters: "a")
    #expect(try files() == ["registry.sqlite"])
    try registry.storage.write { db in
      try db.execute(sql: "UPDATE adapter SET notes = 'x'")
      #expect(try files() == ["registry.sqlite", "registry.sqlite-journal"])
    }
    #expect(try files() == ["registry.sqlite"])
    try registry.close()
    #expect(try headerVersions() == [1, 1])
  }

  /// A negative control: a change that is not refused changes bytes.
  @Test func aChangeThatIsRefusedChangesNoByte() throws {
    try scratch.registry(adapters: "a", "b").close()
    let source = try scratch.adapterFolder("from/a")
    let before = try bytes()
    func edit(_ body: (Registry) throws -> Void) throws { try Registry.edit(path: scratch.registryPath, body) }
    #expect(throws: RegistryError.self) { try edit { try $0.activate("c", using: ["c"]) } }
    #expect(throws: RegistryError.self) { try edit { try $0.renameAdapter("a", to: "b") } }
    #expect(throws: RegistryError.self) { try edit { try $0.removeAdapter("c") } }
    #expect(throws: RegistryError.self) { try edit { try $0.renameModel("tiny", to: "ti/ny") } }
    #expect(throws: RegistryError.self) { try edit { try $0.saveSetup("s", expression: "c", using: ["c"]) } }
    #expect(throws: RegistryError.self) {
      try edit { try $0.importAdapter(folder: source, as: "a", describedBy: .example) }
    }
    struct Refusal: Error {}
    #expect(throws: Refusal.self) { try edit { _ in throw Refusal() } }
    try edit { _ in }
    #expect(try bytes() == before)
    try edit { try $0.activate("a", using: ["a"]) }
    #expect(try bytes() != before)
  }

  @Test func aLogThatAnotherProgramLeftOnIsTurnedOff() throws {
    try scratch.registry(adapters: "a").close()
    let other = try DatabaseQueue(path: scratch.registryPath)
    try other.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = wal") }
    try other.close()
    try Registry.edit(path: scratch.registryPath) { try $0.activate("a", using: ["a"]) }
    #expect(try headerVersions() == [1, 1])
    #expect(try files() == ["registry.sqlite"])
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).activeSetup()?.expression == "a")
  }

  @Test func aNewRegistryGoesWhenItsFirstChangeFails() throws {
    struct Refusal: Error, Equatable {}
    try scratch.folder("home", [:])
    #expect(throws: Refusal()) {
      try Registry.edit(path: scratch.registryPath, creating: true) { registry in
        #expect(try registry.models().isEmpty && files() == ["registry.sqlite"])
        throw Refusal()
      }
    }
    #expect(try files() == [])
    try Registry.edit(path: scratch.registryPath, creating: true) { _ in }
    #expect(try files() == ["registry.sqlite"], "an edit that does nothing did not fail")
  }

  @Test func aNewRegistryThatAnotherWriterFilledStays() throws {
    struct Refusal: Error {}
    let folder = try scratch.folder("home/Models/tiny", ["config.json": "{}"])
    #expect(throws: Refusal.self) {
      try Registry.edit(path: scratch.registryPath, creating: true) { _ in
        let other = try Registry.open(path: scratch.registryPath, for: .writing)
        try other.register(modelAt: folder, as: "other", describedBy: .example)
        try other.close()
        throw Refusal()
      }
    }
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).models().map(\.name) == ["other"])
  }

  /// A statement that is still in use keeps a file from being closed.
  @Test func theErrorOfTheBodyIsTheOneThatIsReported() throws {
    struct Refusal: Error, Equatable {}
    try scratch.registry(adapters: "a").close()
    var statements: [Statement] = []
    func use(_ registry: Registry) throws {
      try registry.storage.read { db in statements.append(try db.makeStatement(sql: "SELECT 1")) }
    }
    #expect(throws: RegistryError.self) { try Registry.edit(path: scratch.registryPath, use) }
    #expect(throws: Refusal()) {
      try Registry.edit(path: scratch.registryPath) { registry in
        try use(registry)
        throw Refusal()
      }
    }
    #expect(statements.count == 2)
  }

  @Test func aWriterThatIsLetGoOfLeavesOneFile() throws {
    do { _ = try scratch.registry(adapters: "a") }
    #expect(try files() == ["registry.sqlite"])
  }

  @Test func editingClosesEvenWhenItFails() throws {
    try scratch.emptyRegistry().close()
    #expect(throws: RegistryError.noDefaultModel(path: scratch.registryPath)) {
      try Registry.edit(path: scratch.registryPath) { registry in try registry.adapters() }
    }
    #expect(try files() == ["registry.sqlite"])
  }

  @Test func commitsAreForcedToTheDisk() throws {
    let registry = try scratch.registry()
    let modes = try registry.storage.read { db in
      (
        try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"),
        try Int.fetchOne(db, sql: "PRAGMA foreign_keys")
      )
    }
    #expect(modes == ("delete", 3, 1))
  }

  @Test func readingChangesNoByteAndLeavesNoFile() throws {
    try scratch.registry(adapters: "a", "b").close()
    let before = try bytes()
    let registry = try Registry.open(path: scratch.registryPath, for: .reading)
    #expect(try registry.adapters().count == 2)
    #expect(try registry.verify().isEmpty)
    _ = try registry.log()
    #expect(try bytes() == before)
    #expect(try files() == ["registry.sqlite"])
  }

  /// Another program may leave the header asking for a log that is not there.
  @Test func aFileThatAsksForALogIsReadWithoutMakingOne() throws {
    try scratch.registry(adapters: "a").close()
    let other = try DatabaseQueue(path: scratch.registryPath)
    try other.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = wal") }
    try other.close()
    #expect(try headerVersions() == [2, 2])
    #expect(try files() == ["registry.sqlite"])
    #expect(try Registry.open(path: scratch.registryPath, for: .reading).adapters().map(\.name) == ["a"])
    #expect(try files() == ["registry.sqlite"])
  }

  @Test func aReaderSeesWhatAnOpenWriterCommitted() throws {
    let writer = try scratch.registry(adapters: "a")
    let reader = try Registry.open(path: scratch.registryPath, for: .reading)
    #expect(try reader.activeSetup() == nil)
    try writer.activate("a", using: ["a"])
    #expect(try reader.activeSetup()?.expression == "a")
    try writer.close()
    #expect(try reader.activeSetup()?.expression == "a")
    #expect(try files() == ["registry.sqlite"])
  }

  @Test func aReaderCannotChangeAnything() throws {
    try scratch.registry(adapters: "a").close()
    let reader = try Registry.open(path: scratch.registryPath, for: .reading)
    let refusal = RegistryError.openedForReading(path: scratch.registryPath)
    #expect(throws: refusal) { try reader.activate("a", using: ["a"]) }
    #expect(throws: refusal) { try reader.removeAdapter("a") }
    #expect(throws: refusal) { try reader.repair { _ in .example } }
    #expect(throws: refusal) {
      try reader.importAdapter(folder: scratch.adapterFolder("b"), as: "b", describedBy: .example)
    }
    #expect(try scratch.tree(scratch.adapters).filter { !$0.contains("/") } == ["a"])
  }

  @Test func aClosedRegistryIsNotUsedAnyMore() throws {
    let registry = try scratch.registry(adapters: "a")
    try registry.close()
    try registry.close()
    #expect(throws: RegistryError.closed(path: scratch.registryPath)) { try registry.adapters() }
  }

  @Test func aNameWithUnusualCharactersIsNoTrouble() throws {
    let path = try scratch.folder("a?b#c%20 d", [:]) + "/file:registry ä.sqlite"
    try Registry.create(path: path).close()
    let other = try DatabaseQueue(path: path)
    try other.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA journal_mode = wal") }
    try other.close()
    #expect(try Registry.open(path: path, for: .reading).models().isEmpty)
  }

  /// The tests may run as root, whom no mode stops: a child without
  /// privileges tries.
  @Test func anOrdinaryUserReadsWhatMayNotBeWritten() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    try makeReadOnly(scratch.path)
    defer { try? makeWritable(scratch.path) }
    await #expect(processExitsWith: .success) { [path = path as String] in
      try becomeOrdinaryUser()
      let registry = try Registry.open(path: path, for: .reading)
      try #require(try registry.adapters().map(\.name) == ["a"])
      try #require(try registry.verify().isEmpty)
      let error = failure { _ = try Registry.open(path: path, for: .writing) }
      guard case .notWritable = error else { throw error ?? RegistryError.notFound(path: path) }
    }
    #expect(try files() == ["registry.sqlite"])
  }

  @Test func aFileThatMayNotBeReadIsNamed() async throws {
    try scratch.registry(adapters: "a").close()
    let path = scratch.registryPath
    try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: path)
    await #expect(processExitsWith: .success) { [path = path as String] in
      try becomeOrdinaryUser()
      let error = failure { _ = try Registry.open(path: path, for: .reading) }
      guard case .file(path, .read, _) = error else { throw error ?? RegistryError.notFound(path: path) }
    }
  }

  @Test func anOrdinaryUserCannotImportWhereNothingMayBeWritten() async throws {
    try scratch.registry(adapters: "a").close()
    let (path, source) = (scratch.registryPath, try scratch.adapterFolder("b"))
    // The database may be written, the folder of adapters may not.
    try makeWritable(scratch.path)
    try makeReadOnly(scratch.adapters)
    defer { try? makeWritable(scratch.path) }
    await #expect(processExitsWith: .success) { [path = path as String, source = source as String] in
      try becomeOrdinaryUser()
      let registry = try Registry.open(path: path, for: .writing)
      let error = failure { try registry.importAdapter(folder: source, as: "b", describedBy: .example) }
      guard case .notWritable = error else { throw error ?? RegistryError.notFound(path: path) }
      try #require(try registry.adapters().map(\.name) == ["a"])
      try registry.close()
    }
    #expect(try Registry.open(path: path, for: .reading).verify().isEmpty)
  }
}
