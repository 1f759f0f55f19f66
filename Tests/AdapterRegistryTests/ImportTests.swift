import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

@Suite struct ImportTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func visible() throws -> [String] { try FileSystem.names(in: scratch.adapters) }

  @Test func anImportedAdapterIsThereWithEverythingThatWasSaid() throws {
    let registry = try scratch.registry()
    let base = try registry.model(named: "tiny").digest
    var description = AdapterDescription.example
    description.baseDigest = base
    description.metrics = #"{"accuracy": 0.769}"#
    description.tags = ["zeta", "alpha", "zeta"]
    description.notes = "for the demo"
    description.source = "https://example.org/a"
    let source = try scratch.adapterFolder("from")
    let adapter = try registry.importAdapter(folder: source, as: "a", describedBy: description)
    #expect(try registry.adapter(named: "a") == adapter)
    #expect(adapter.model == "tiny")
    #expect(adapter.path == "\(scratch.adapters)/a")
    #expect(adapter.method == "lora")
    #expect(adapter.configuration == description.configuration)
    #expect(adapter.parameterCount == 12)
    #expect(adapter.head == description.head)
    #expect(adapter.baseDigest == base)
    #expect(adapter.metrics == description.metrics)
    #expect(adapter.tags == ["alpha", "zeta"])
    #expect(adapter.notes == "for the demo")
    #expect(adapter.source == "https://example.org/a")
    #expect(!adapter.isActive)
    #expect(adapter.digest == (try FolderContents(of: source).digest))
    #expect(adapter.byteCount == (try registry.files(of: adapter).reduce(0) { $0 + $1.byteCount }))
    #expect(try scratch.tree(adapter.path) == scratch.tree(source))
    #expect(try registry.verify().isEmpty)
  }

  @Test func pathsInsideAreStoredRelativeAndOthersAbsolute() throws {
    let registry = try scratch.registry(adapters: "a")
    let outside = try scratch.folder("elsewhere/big", ["model.safetensors": "big"])
    try registry.register(modelAt: outside, as: "big", describedBy: .example)
    let stored = try registry.storage.read { db in try db.names("SELECT path FROM folder ORDER BY path") }
    #expect(stored == [outside, "Adapters/a", "Models/tiny"])
    try registry.close()

    // The whole folder can be moved, and be reached through a link.
    try FileManager.default.moveItem(atPath: scratch.home, toPath: "\(scratch.path)/moved")
    try FileManager.default.createSymbolicLink(atPath: "\(scratch.path)/link", withDestinationPath: "moved")
    let moved = try Registry.open(path: "\(scratch.path)/link/../link/registry.sqlite", for: .writing)
    #expect(try moved.verify().isEmpty)
    let inside = try scratch.folder("moved/Models/small", ["model.safetensors": "small"])
    try moved.register(modelAt: inside, as: "small", describedBy: .example)
    #expect(try moved.storage.read { db in try db.has("folder", where: "path = ?", ["Models/small"]) })
  }

  @Test(arguments: [
    "../x", "/etc/x", "a\u{0}b", HostileName(String(repeating: "n", count: 300)), "😀", "a b", ".a", "", "a/b",
  ])
  func aHostileNameChangesNothing(_ hostile: HostileName) throws {
    let registry = try scratch.registry(adapters: "a")
    let (source, name) = (try scratch.adapterFolder("source"), hostile.text)
    let (tree, log) = (try scratch.tree(scratch.path), try registry.log())
    guard case .badName = failure(of: { try registry.importAdapter(folder: source, as: name, describedBy: .example) }),
      case .badName = failure(of: { try registry.renameAdapter("a", to: name) }),
      case .badName = failure(of: { try registry.saveSetup(name, expression: "a", using: ["a"]) }),
      case .badName = failure(of: { try registry.register(modelAt: source, as: name, describedBy: .example) })
    else {
      Issue.record("'\(hostile.testDescription)' was not refused")
      return
    }
    #expect(try scratch.tree(scratch.path) == tree)
    #expect(try registry.log() == log)
  }

  private func bytes(_ folder: String) throws -> [String: Data] {
    try Dictionary(
      uniqueKeysWithValues: scratch.tree(folder).map { ($0, try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) })
  }

  @Test func aReplacementThatIsRefusedKeepsTheOldAdapter() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.activate("b", using: ["b"])
    let (tree, before) = (try scratch.tree(scratch.home), try registry.adapters())
    let (old, log) = (try bytes(before[0].path), try registry.log())
    let source = try scratch.adapterFolder("new", seed: "2")
    struct Refusal: Error {}
    #expect(throws: RefusedFolder.self) {
      try registry.importAdapter(folder: source, as: "a", replacing: true) { _ in throw Refusal() }
    }
    var wrong = AdapterDescription.example
    wrong.baseDigest = ContentDigest(.otherDigest)
    #expect(throws: RegistryError.self) {
      try registry.importAdapter(folder: source, as: "a", replacing: true) { _ in ("a", wrong) }
    }
    // What a setup uses is not replaced.
    #expect(throws: RegistryError.inUse(kind: .adapter, name: "b", model: "tiny", by: ["the active setup"])) {
      try registry.importAdapter(folder: source, as: "b", replacing: true) { _ in ("b", .example) }
    }
    #expect(try registry.adapters() == before && registry.log() == log)
    #expect(try scratch.tree(scratch.home) == tree && bytes(before[0].path) == old)
  }

  @Test func aReplacementLeavesOneFolder() throws {
    let registry = try scratch.registry(adapters: "a")
    let source = try scratch.adapterFolder("new", seed: "2")
    #expect(throws: RegistryError.nameTaken(kind: .adapter, name: "a", model: "tiny")) {
      try registry.importAdapter(folder: source, as: "a", describedBy: .example)
    }
    let old = try registry.adapter(named: "a")
    let new = try registry.importAdapter(folder: source, as: "a", replacing: true) { _ in ("a", .example) }
    #expect(try new.digest != old.digest && new.digest == FolderContents(of: source).digest)
    #expect(try registry.adapters() == [new])
    #expect(try visible().count == 1 && bytes(new.path) == bytes(source))
    #expect(try registry.verify() == [])
  }

  @Test func aFusionIsReplacedInOneStepWithTheSetupsThatUseIt() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    func replace(_ name: String, seed: String, _ adapters: [String] = ["a", "b"]) throws -> FusionRecord {
      let source = try scratch.folder("fusion-\(seed)", ["w": seed])
      return try registry.importFusion(folder: source, as: name, replacing: true) { _ in
        (name, FusionDescription(adapters: adapters, configuration: "{}", parameterCount: 3))
      }
    }
    _ = try replace("f", seed: "1")
    try registry.activate("Fuse(a, b)", using: ["a", "b"])
    let entries = try registry.log().count
    // Of the same name, and of the same adapters.
    let second = try replace("f", seed: "2")
    let third = try replace("g", seed: "3")
    #expect(try registry.fusions() == [third] && second.digest != third.digest)
    #expect(try registry.activeSetup()?.expression == "Fuse(a, b)")
    #expect(try visible().filter { $0 != "a" && $0 != "b" }.count == 1)
    #expect(try registry.verify() == [] && registry.log().count > entries)
    let log = try registry.log()
    #expect(throws: RegistryError.self) { try replace("h", seed: "4", ["a", "nobody"]) }
    #expect(try registry.fusions() == [third] && registry.log() == log)
  }

  @Test func namesAreUniquePerBaseModel() throws {
    let registry = try scratch.registry(adapters: "a")
    let again = try scratch.adapterFolder("again", seed: "2")
    #expect(throws: RegistryError.nameTaken(kind: .adapter, name: "a", model: "tiny")) {
      try registry.importAdapter(folder: again, as: "a", describedBy: .example)
    }
    try registry.register(
      modelAt: scratch.folder("other", ["model.safetensors": "o"]), as: "other", describedBy: .example)
    let twin = try registry.importAdapter(folder: again, as: "a", of: "other", describedBy: .example)
    #expect(twin.path == "\(scratch.adapters)/a-2")
    #expect(try registry.allAdapters().map { "\($0.model)/\($0.name)" } == ["other/a", "tiny/a"])
    #expect(try visible() == ["a", "a-2"])
  }

  @Test func anAdapterOfAnotherBaseIsRefusedUnlessForced() throws {
    let registry = try scratch.registry()
    let base = try registry.model().digest
    let other = try #require(ContentDigest(.otherDigest))
    var description = AdapterDescription.example
    description.baseDigest = base
    try registry.importAdapter(folder: scratch.adapterFolder("right"), as: "right", describedBy: description)
    description.baseDigest = other
    let source = try scratch.adapterFolder("wrong")
    let refusal = RegistryError.wrongBase(adapter: "wrong", madeFor: other, model: "tiny", found: base)
    #expect(throws: refusal) { try registry.importAdapter(folder: source, as: "wrong", describedBy: description) }
    #expect(
      refusal.description
        == "The adapter 'wrong' was made for the base model with digest abababababab; 'tiny' has \(base.short).")
    #expect(try visible() == ["right"])
    let forced = try registry.importAdapter(folder: source, as: "wrong", describedBy: description, force: true)
    #expect(forced.baseDigest == other)
  }

  @Test func aFolderThatIsThereAlreadyIsEnteredInPlace() throws {
    let registry = try scratch.registry()
    let source = try scratch.adapterFolder("home/Adapters/shipped")
    let adapter = try registry.importAdapter(folder: source, as: "renamed", describedBy: .example)
    #expect(adapter.path == source)
    #expect(adapter.source == "Adapters/shipped")
    #expect(try visible() == ["shipped"])
    #expect(throws: RegistryError.self) {
      try registry.importAdapter(folder: source, as: "twice", describedBy: .example)
    }
    #expect(try visible() == ["shipped"])
    #expect(try registry.verify().isEmpty)
  }

  @Test func whatCannotBeReadLeavesNothingBehind() throws {
    let registry = try scratch.registry(adapters: "a")
    let (tree, log) = (try scratch.tree(scratch.home), try registry.log())
    let nested = try scratch.adapterFolder("nested")
    try scratch.folder("nested/inner", ["x": "1"])
    for folder in [nested, "\(scratch.path)/absent", try scratch.folder("empty", [:]), "a\u{0}b"] {
      #expect(throws: RegistryError.self) { try registry.importAdapter(folder: folder, as: "b", describedBy: .example) }
    }
    var description = AdapterDescription.example
    description.configuration = "[1]"
    let source = try scratch.adapterFolder("good")
    #expect(
      throws: RegistryError.badValue(what: "the adapter's configuration", reason: "it is JSON, but not an object")
    ) {
      try registry.importAdapter(folder: source, as: "b", describedBy: description)
    }
    #expect(throws: RegistryError.unknown(kind: .model, name: "tin", model: nil, nearest: ["tiny"])) {
      try registry.importAdapter(folder: source, as: "b", of: "tin", describedBy: .example)
    }
    #expect(try scratch.tree(scratch.home) == tree)
    #expect(try registry.log() == log)
  }

  @Test func aLinkToAFileIsCopiedAsAFile() throws {
    let registry = try scratch.registry()
    let source = try scratch.folder("cache", ["adapter_config.json": "{}"])
    let blob = try scratch.folder("blobs", ["blob": "bytes"]) + "/blob"
    try FileManager.default.createSymbolicLink(atPath: "\(source)/adapter.safetensors", withDestinationPath: blob)
    let names = ["adapter_config.json", "adapter.safetensors"]
    let adapter = try registry.importAdapter(folder: source, as: "a", describedBy: .example, files: names)
    let copy = try FileManager.default.attributesOfItem(atPath: "\(adapter.path)/adapter.safetensors")
    #expect(copy[.type] as? FileAttributeType == .typeRegular)
  }

  @Test func onlyTheChosenFilesAreTaken() throws {
    let registry = try scratch.registry()
    let source = try scratch.folder("many", ["a": "1", "b": "2", "c": "3"])
    let adapter = try registry.importAdapter(folder: source, as: "few", describedBy: .example, files: ["c", "a"])
    #expect(try scratch.tree(adapter.path) == ["a", "c"])
    #expect(try registry.files(of: adapter).map(\.name) == ["a", "c"])
  }

  @Test func theFirstBaseModelIsTheDefaultUntilAnotherIs() throws {
    let registry = try scratch.emptyRegistry()
    #expect(try registry.defaultModel() == nil)
    #expect(throws: RegistryError.noDefaultModel(path: scratch.registryPath)) { try registry.adapters() }
    for name in ["one", "two"] {
      try registry.register(modelAt: scratch.folder(name, ["w": name]), as: name, describedBy: .example)
    }
    #expect(try registry.defaultModel()?.name == "one")
    try registry.setDefault(model: "two")
    #expect(try registry.models().map(\.isDefault) == [false, true])
    #expect(throws: RegistryError.unknown(kind: .model, name: "on", model: nil, nearest: ["one"])) {
      try registry.setDefault(model: "on")
    }
    #expect(try registry.defaultModel()?.name == "two")
    try registry.removeModel(named: "two")
    #expect(try registry.models().map(\.name) == ["one"])
    #expect(try scratch.tree("\(scratch.path)/two") == ["w"])
  }

  @Test func adaptersFusionsAndSetupsShareTheirNames() throws {
    let registry = try scratch.registry(adapters: "a", "b", "c")
    let source = try scratch.folder("fusion", ["w": "f"])
    func description(_ adapters: String...) -> FusionDescription {
      FusionDescription(adapters: adapters, configuration: "{}", parameterCount: 3)
    }
    #expect(throws: RegistryError.nameTaken(kind: .adapter, name: "c", model: "tiny")) {
      try registry.importFusion(folder: source, as: "c", describedBy: description("a", "b"))
    }
    try registry.importFusion(folder: source, as: "f", describedBy: description("a", "b"))
    #expect(throws: RegistryError.nameTaken(kind: .fusion, name: "f", model: "tiny")) {
      try registry.saveSetup("f", expression: "a", using: ["a"])
    }
    #expect(throws: RegistryError.nameTaken(kind: .fusion, name: "f", model: "tiny")) {
      try registry.renameAdapter("c", to: "f")
    }
    // A composition names a fusion by its adapters, in order.
    #expect(throws: RegistryError.self) {
      try registry.importFusion(folder: source, as: "g", describedBy: description("a", "b"))
    }
    try registry.importFusion(folder: source, as: "g", describedBy: description("b", "a"))
    try registry.renameFusion("g", to: "h")
    #expect(try registry.fusions().map(\.name) == ["f", "h"])
    #expect(try registry.fusion(named: "h").adapters == ["b", "a"])
    #expect(try registry.files(of: registry.fusion(named: "h")).map(\.name) == ["w"])
  }

  @Test func aBaseModelIsRenamedAndRemovedWithWhatBelongsToIt() throws {
    let registry = try scratch.registry(adapters: "a", "b")
    try registry.activate("a", using: ["a"])
    try registry.saveSetup("s", expression: "Stack(a, b)", using: ["a", "b"])
    try registry.renameModel("tiny", to: "small")
    #expect(try registry.adapters(of: "small").map(\.model) == ["small", "small"])
    #expect(try registry.setups(of: "small").map(\.name) == ["s"])
    #expect(try registry.activeSetup(of: "small")?.expression == "a")
    #expect(throws: RegistryError.unknown(kind: .model, name: "tiny", model: nil, nearest: [])) {
      try registry.model(named: "tiny")
    }
    #expect(throws: RegistryError.self) { try registry.removeModel(named: "small") }
    let folder = try registry.model(named: "small").path
    let files = try scratch.tree(folder)
    try registry.removeModel(named: "small", withContents: true)
    #expect(try registry.models().isEmpty)
    #expect(try visible() == [])
    #expect(try scratch.tree(folder) == files)
    #expect(try registry.verify() == [])
  }

  @Test func aFusionKnowsItsAdaptersInOrder() throws {
    let registry = try scratch.registry(adapters: "b", "a", "c")
    let source = try scratch.folder("fusion", ["model_adapter_fusion.safetensors": "f"])
    let description = FusionDescription(
      adapters: ["b", "a"], configuration: "{}", parameterCount: 3, head: .init(kind: "tagging"))
    let fusion = try registry.importFusion(folder: source, as: "b+a", describedBy: description)
    #expect(fusion.adapters == ["b", "a"])
    #expect(fusion.head == HeadDescription(kind: "tagging"))
    #expect(try registry.fusions() == [fusion])
    #expect(throws: RegistryError.inUse(kind: .adapter, name: "a", model: "tiny", by: ["the fusion 'b+a'"])) {
      try registry.removeAdapter("a")
    }
    try registry.renameAdapter("a", to: "z")
    #expect(try registry.fusions().first?.adapters == ["b", "z"])
    #expect(throws: RegistryError.unknown(kind: .adapter, name: "q", model: "tiny", nearest: [])) {
      try registry.importFusion(
        folder: source, as: "other",
        describedBy: FusionDescription(adapters: ["b", "q"], configuration: "{}", parameterCount: 3))
    }
    #expect(throws: RegistryError.inUse(kind: .fusion, name: "b+a", model: "tiny", by: ["the setup 's'"])) {
      try registry.saveSetup("s", expression: "Fuse(b, z)", using: ["b", "z"])
      try registry.removeFusion("b+a") { $0.hasPrefix("Fuse") }
    }
    try registry.removeSetup("s")
    try registry.removeFusion("b+a")
    try registry.removeAdapter("z")
    #expect(try visible() == ["b", "c"])
  }
}
