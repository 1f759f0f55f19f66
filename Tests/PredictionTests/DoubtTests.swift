import AdapterHost
import Foundation
import Synchronization
import TestSupport
import Testing

/// What is loaded, and may not be what was meant, is noted.
@Suite struct DoubtTests {
  private let folder: TemporaryFolder
  private let nowhere = RegistryLocation(environment: [:], currentFolder: "/nowhere")

  init() throws { folder = try TemporaryFolder() }

  private func peft(namesBase name: String?) throws -> String {
    let path = try folder.folder("p\(name?.count ?? 0)")
    var model = try DebertaV2AdapterModel(folder: Shipped.base, compute: Shipped.compute)
    try model.addAdapter("x", configuration: "lora[r=2]")
    _ = try model.exportPeft("x", base: Shipped.base, to: path)
    let file = path + "/adapter_config.json"
    var members = try ConfigurationFields(path: file).members
    members["base_model_name_or_path"] = name.map { .string($0) } ?? .null
    try JSONValue.object(members).write(to: file)
    return path
  }

  private func notes(_ request: WorkspaceRequest, _ location: RegistryLocation) throws -> [String] {
    let heard = Mutex<[String]>([])
    let workspace = try Workspace(request, location: location) { note in heard.withLock { $0.append(note) } }
    _ = try workspace.loadModel(compute: Shipped.compute)
    return heard.withLock { $0 }
  }

  @Test(arguments: [nil, "deberta-v3-tiny-en", "someone/DeBERTa-v3-tiny-en", "/elsewhere/deberta-v3-tiny-en/"])
  func `A folder of PEFT for a base of the same name raises no doubt`(_ name: String?) throws {
    let request = WorkspaceRequest(model: Shipped.base, adapters: ["a": try peft(namesBase: name)])
    #expect(try notes(request, nowhere) == [])
  }

  @Test func `A folder of PEFT that names another base is noted with both names, and used`() throws {
    let path = try peft(namesBase: "someone/another")
    let notes = try notes(WorkspaceRequest(model: Shipped.base, adapters: ["a": path]), nowhere)
    #expect(notes.count == 1)
    #expect(notes[0].contains("'someone/another'") && notes[0].contains("'\(Shipped.base)'"))
    let doubt = try #require(PeftBase(of: path))
    #expect(doubt.doubt(about: Shipped.base, called: "another") == nil)
    let snapshot = try folder.folder("models--someone--another/snapshots/0123")
    #expect(doubt.doubt(about: snapshot) == nil)
    #expect(PeftBase(of: Shipped.folder("truecase")) == nil)
  }

  @Test func `A head that answers without its adapter is noted`() throws {
    let shipped = RegistryLocation(given: Fixtures.root.appending(path: "registry.sqlite").path)
    func notes(_ setup: String, _ heads: [String]) throws -> [String] {
      try self.notes(WorkspaceRequest(setup: setup, heads: heads), shipped)
    }
    #expect(try notes("truecase", ["truecase"]) == [])
    #expect(try notes("Parallel(truecase, debian-section)", ["debian-section", "truecase"]) == [])
    #expect(
      try notes("truecase", ["truecase", "debian-section"]) == [
        "The head 'debian-section' answers without the adapter 'debian-section', which is not active; --setup "
          + "\"debian-section\" makes it act."
      ])
  }
}
