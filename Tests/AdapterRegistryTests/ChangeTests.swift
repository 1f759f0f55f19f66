import Files
import Foundation
import Testing

@testable import AdapterRegistry

@Suite struct ChangeTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func theActiveSetupIsOnePerBaseModelAndMarksItsAdapters() throws {
    let registry = try scratch.registry(adapters: "a", "b", "c")
    #expect(try registry.activeSetup() == nil)
    try registry.activate("a", using: ["a"])
    try registry.activate("Parallel(b, Stack(c, b))", using: ["b", "c", "b"])
    let active = try #require(try registry.activeSetup())
    #expect(active.expression == "Parallel(b, Stack(c, b))")
    #expect(active.adapters == ["b", "c"])
    #expect(try registry.adapters().map(\.isActive) == [false, true, true])
    try registry.deactivate()
    try registry.deactivate()
    #expect(try registry.activeSetup() == nil)
    #expect(try registry.adapters().allSatisfy { !$0.isActive })
    #expect(try registry.log(limit: 2).map(\.action) == [.deactivate, .activate])
  }

  @Test func activatingAnUnknownAdapterKeepsWhatWasActive() throws {
    let registry = try scratch.registry(adapters: "truecase", "a")
    try registry.activate("a", using: ["a"])
    #expect(throws: RegistryError.unknown(kind: .adapter, name: "truecsae", model: "tiny", nearest: ["truecase"])) {
      try registry.activate("Stack(a, truecsae)", using: ["a", "truecsae"])
    }
    #expect(throws: RegistryError.badValue(what: "the composition", reason: "it is empty")) {
      try registry.activate("", using: ["a"])
    }
    #expect(try registry.activeSetup()?.expression == "a")
  }

  @Test func aNamedSetupIsSavedReplacedAndForgotten() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.saveSetup("both", expression: "Stack(a, b)", using: ["a", "b"])
    let first = try #require(try registry.setups().first)
    try registry.saveSetup("both", expression: "Parallel(a)", using: ["a"])
    let second = try #require(try registry.setups().first)
    #expect((first.adapters, second.adapters) == (["a", "b"], ["a"]))
    #expect((first.created, second.expression) == (second.created, "Parallel(a)"))
    #expect(throws: RegistryError.nameTaken(kind: .adapter, name: "a", model: "tiny")) {
      try registry.saveSetup("a", expression: "b", using: ["b"])
    }
    #expect(throws: RegistryError.nameTaken(kind: .setup, name: "both", model: "tiny")) {
      try registry.renameAdapter("b", to: "both")
    }
    try registry.removeAdapter("b")
    try registry.removeSetup("both")
    #expect(throws: RegistryError.unknown(kind: .setup, name: "both", model: "tiny", nearest: [])) {
      try registry.removeSetup("both")
    }
  }

  @Test func anAdapterInUseIsNeitherRemovedNorRenamed() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.activate("Stack(a, b)", using: ["a", "b"])
    try registry.saveSetup("pair", expression: "Parallel(a, b)", using: ["a", "b"])
    let refusal = RegistryError.inUse(
      kind: .adapter, name: "a", model: "tiny", by: ["the active setup", "the setup 'pair'"])
    #expect(throws: refusal) { try registry.removeAdapter("a") }
    #expect(throws: refusal) { try registry.renameAdapter("a", to: "z") }
    #expect(
      refusal.description
        == "The adapter 'a' of the base model 'tiny' is used by the active setup and the setup 'pair'.")
    #expect(try registry.adapters().map(\.name) == ["a", "b"])
    #expect(throws: RegistryError.self) { try registry.removeModel(named: "tiny") }
  }

  @Test func aRenamedAdapterIsRenamedInEverySetup() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.activate("Stack(a, b)", using: ["a", "b"])
    try registry.saveSetup("pair", expression: "Parallel(a, b)", using: ["a", "b"])
    try registry.renameAdapter("a", to: "z") { $0.replacing("(a", with: "(z") }
    #expect(try registry.activeSetup()?.expression == "Stack(z, b)")
    #expect(try registry.activeSetup()?.adapters == ["b", "z"])
    #expect(try registry.setups().map(\.expression) == ["Parallel(z, b)"])
    let renamed = try registry.adapter(named: "z")
    #expect(renamed.path == "\(scratch.adapters)/a")
    #expect(try registry.verify().isEmpty)
    #expect(try registry.log(limit: 1).first?.detail == "z")
    // The name is free again; the folder is not.
    let again = try registry.importAdapter(folder: scratch.adapterFolder("n"), as: "a", describedBy: .example)
    #expect(again.path == "\(scratch.adapters)/a-2")
  }

  @Test func aRemovedAdapterIsGoneWithItsFolder() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    #expect(try FileSystem.names(in: scratch.adapters) == ["a", "b"])
    try registry.removeAdapter("a")
    #expect(try FileSystem.names(in: scratch.adapters) == ["b"])
    #expect(throws: RegistryError.unknown(kind: .adapter, name: "a", model: "tiny", nearest: [])) {
      try registry.adapter(named: "a")
    }
    #expect(try registry.verify().isEmpty)
  }

  @Test func tagsNotesAndMetricsChange() throws {
    let registry = try scratch.registry(adapters: "a")
    let first = try registry.adapter(named: "a")
    #expect(try registry.tag(adapter: "a", adding: ["x", "y"]).tags == ["x", "y"])
    #expect(try registry.tag(adapter: "a", adding: ["y", "z"], removing: ["x", "none"]).tags == ["y", "z"])
    #expect(throws: RegistryError.self) { try registry.tag(adapter: "a", adding: ["two words"]) }
    let noted = try registry.annotate(adapter: "a", notes: "good", metrics: #"{"f1": 0.5}"#)
    #expect((noted.notes, noted.metrics) == ("good", #"{"f1": 0.5}"#))
    #expect(try registry.annotate(adapter: "a", metrics: "{}").notes == "good")
    #expect(noted.created == first.created)
    #expect(noted.changed >= first.changed)
    #expect(throws: RegistryError.badValue(what: "the adapter's metrics", reason: "it is not JSON")) {
      try registry.annotate(adapter: "a", metrics: "{")
    }
  }

  @Test func everyChangeIsInTheLog() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.saveSetup("s", expression: "a", using: ["a"])
    try registry.removeAdapter("b")
    let log = try registry.log()
    #expect(log.map(\.action) == [.removeAdapter, .saveSetup, .importAdapter, .importAdapter, .registerModel])
    #expect(log.map(\.subject) == ["b", "s", "b", "a", "tiny"])
    #expect(log.map(\.number) == [5, 4, 3, 2, 1])
    #expect(log.allSatisfy { $0.model == "tiny" })
    #expect(try registry.log(limit: 0).isEmpty)
  }

  @Test func severalAdaptersAreReadAtOnceInTheOrderAsked() throws {
    let registry = try scratch.registry(adapters: "a", "b", "c")
    #expect(try registry.adapters(named: ["c", "a"]).map(\.name) == ["c", "a"])
    #expect(try registry.adapters(named: []).isEmpty)
    #expect(throws: RegistryError.self) { try registry.adapters(named: ["c", "d"]) }
  }
}
