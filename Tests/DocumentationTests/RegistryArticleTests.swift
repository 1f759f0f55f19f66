import AdapterHost
import Foundation
import TestSupport
import Testing

/// The examples of 'The registry', in their order.
@Suite struct RegistryArticleTests {
  private let here: Workplace

  init() throws {
    here = try Workplace()
    // The folders that the article imports lie outside the folder of adapters.
    try FileManager.default.moveItem(atPath: here("Adapters"), toPath: here("Downloads"))
  }

  @Test func aRegistryIsFilledReadVerifiedAndRepaired() throws {
    try fill()
    try read()
    try look()
    try checkAndRepair()
  }

  private func fill() throws {
    let registry = try Registry.create(path: here("registry.sqlite"))
    let folder = here("Models/deberta-v3-tiny-en")
    let (base, files) = try ModelDescription.read(folder)
    let model = try registry.register(modelAt: folder, as: "tiny", describedBy: base, files: files)

    for name in ["debian-section", "debian-facets"] {
      let source = here("Downloads/\(name)")
      let (_, description) = try AdapterDescription.read(source, for: model)
      try registry.importAdapter(folder: source, as: name, describedBy: description)
    }
    try registry.activate("Parallel(debian-section, debian-facets)", using: ["debian-section", "debian-facets"])
    try registry.close()
    #expect(model.isDefault)
    #expect(here.contains("Adapters/debian-section/adapter.safetensors"))
    #expect(here.contains("Downloads/debian-section/adapter.safetensors"))
    #expect(!here.contains("registry.sqlite-journal"))
  }

  private func read() throws {
    let before = try here.paths
    let registry = try Registry.open(path: here("registry.sqlite"), for: .reading)
    for adapter in try registry.adapters() {
      print(adapter.name, adapter.method, adapter.parameterCount, adapter.isActive)
    }
    let setup = try registry.activeSetup()?.expression
    #expect(setup == "Parallel(debian-section, debian-facets)")
    #expect(try registry.adapters().map(\.method) == ["lora", "seq_bn"])
    let location = RegistryLocation(given: registry.path)

    let workspace = try Workspace(WorkspaceRequest(), location: location)
    let model = try workspace.loadModel()
    let predictor = try Predictor(model, workspace.loadTokenizer())
    #expect(predictor.answeringHeads == ["debian-section", "debian-facets"])
    #expect(try here.paths == before)
    #expect(throws: RegistryError.openedForReading(path: registry.path)) { try registry.deactivate() }
  }

  private func look() throws {
    let before = try here.paths
    let registry = try Registry.open(path: here("registry.sqlite"), for: .reading)
    for finding in try registry.verify() { print(finding) }
    #expect(try registry.verify() == [])
    #expect(try here.paths == before)
    #expect(try registry.log().map(\.action) == [.activate, .importAdapter, .importAdapter, .registerModel])
  }

  private func checkAndRepair() throws {
    try FileManager.default.copyItem(atPath: here("Downloads/truecase"), toPath: here("Adapters/truecase"))
    try FileManager.default.removeItem(atPath: here("Adapters/debian-facets"))

    let steps = try Registry.edit(path: here("registry.sqlite")) { registry in
      let model = try registry.model()
      return try registry.repair { folder in try AdapterDescription.read(folder, for: model).description }
    }
    for step in steps { print(step) }
    #expect(steps.map(\.outcome).contains(.adopted(adapter: "truecase")))
    #expect(steps.count == 2)
    let registry = try Registry.open(path: here("registry.sqlite"), for: .reading)
    #expect(try registry.adapters().map(\.name) == ["debian-facets", "debian-section", "truecase"])
    #expect(try registry.verify().count == 1)
  }
}
