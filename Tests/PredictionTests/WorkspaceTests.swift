import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct RegistryLocationTests {
  @Test func `The current folder comes before the environment, and that before the user's data folder`() throws {
    let folder = try TemporaryFolder()
    let here = try folder.folder("here")
    let data = try folder.folder("data/adapter-host")
    let environment = ["XDG_DATA_HOME": folder.path("data"), "HOME": "/home/someone"]
    func found(_ environment: [String: String], given: String? = nil) -> String? {
      RegistryLocation(given: given, environment: environment, currentFolder: here).path
    }
    #expect(found(environment) == nil)
    try folder.write("", as: "data/adapter-host/registry.sqlite")
    #expect(found(environment) == data + "/registry.sqlite")
    #expect(found(environment.merging(["ADAPTER_HOST_REGISTRY": "/named.sqlite"]) { $1 }) == "/named.sqlite")
    try folder.write("", as: "here/registry.sqlite")
    #expect(found(environment.merging(["ADAPTER_HOST_REGISTRY": "/named.sqlite"]) { $1 }) == here + "/registry.sqlite")
    #expect(found(environment, given: "other.sqlite") == "other.sqlite")
  }

  @Test func `Without a data folder of its own it is the one below the home folder`() {
    let location = RegistryLocation(
      environment: ["HOME": "/home/someone", "XDG_DATA_HOME": "relative"], currentFolder: "/")
    #expect(location.path == nil)
    #expect(location.pathForNew == "/home/someone/.local/share/adapter-host/registry.sqlite")
    #expect(RegistryLocation(environment: [:], currentFolder: "/nowhere").pathForNew == nil)
    #expect(
      message { _ = try Registry.open(at: location, for: .reading) }
        == "There is no registry of models and adapters at /registry.sqlite, nor at "
        + "/home/someone/.local/share/adapter-host/registry.sqlite. Name one with --registry, make one with 'adapter-cli "
        + "models register DIR', or give --model DIR.")
  }
}

@Suite struct WorkspaceTests {
  private let shipped = RegistryLocation(given: Fixtures.root.appending(path: "registry.sqlite").path)
  private let nowhere = RegistryLocation(environment: [:], currentFolder: "/nowhere")

  @Test func `Without anything the default base and its active setup count`() throws {
    let workspace = try Workspace(WorkspaceRequest(), location: shipped)
    #expect(workspace.modelFolder == Shipped.base)
    let active = try #require(workspace.setup)
    #expect(try workspace.loadModel().adapterNames == active.adapters.sorted())
  }

  @Test func `Only the adapters that the setup names are loaded`() throws {
    let workspace = try Workspace(WorkspaceRequest(setup: "Stack(truecase)"), location: shipped)
    let model = try workspace.loadModel()
    #expect(model.adapterNames == ["truecase"])
    #expect(model.headNames == ["default", "truecase"])
  }

  @Test func `A model's folder that is registered has its active setup and its adapters`() throws {
    #expect(try Workspace(WorkspaceRequest(model: Shipped.base), location: shipped).setup != nil)
    let model = try Workspace(WorkspaceRequest(model: Shipped.base, setup: "truecase"), location: shipped).loadModel()
    #expect(model.adapterNames == ["truecase"])
    #expect(
      try Workspace(WorkspaceRequest(model: Shipped.base, usesActiveSetup: false), location: shipped).setup == nil)
    #expect(try Workspace(WorkspaceRequest(model: "deberta-v3-tiny-en"), location: shipped).setup != nil)
  }

  @Test func `Adapters that are given act, and a registry is not needed`() throws {
    let one = WorkspaceRequest(model: Shipped.base, adapters: ["a": Shipped.folder("truecase")])
    #expect(try Workspace(one, location: nowhere).setup == .adapter("a"))
    #expect(try Workspace(one, location: nowhere).registry == nil)
    var two = one
    two.adapters["b"] = Shipped.folder("wordnet-domain")
    #expect(try Workspace(two, location: nowhere).setup == Composition("Parallel(a, b)"))
    two.setup = "b"
    #expect(try Workspace(two, location: nowhere).loadModel().adapterNames == ["a", "b"])
  }

  @Test func `A head of an adapter that does not act is loaded alone`() throws {
    let request = WorkspaceRequest(setup: "debian-section", heads: ["truecase"])
    let model = try Workspace(request, location: shipped).loadModel()
    #expect(model.adapterNames == ["debian-section"])
    #expect(model.headNames == ["debian-section", "default", "truecase"])
  }

  @Test func `Unknown names are told with the nearest`() throws {
    #expect(
      message { _ = try Workspace(WorkspaceRequest(model: "deberta-v3-tiny"), location: shipped) }
        == "'deberta-v3-tiny' is neither a folder nor the name of a base model in \(shipped.path ?? ""); did you mean "
        + "'deberta-v3-tiny-en'?")
    #expect(
      message { _ = try Workspace(WorkspaceRequest(setup: "truecse"), location: shipped).loadModel() }
        == "No adapter is called 'truecse', neither among those given with --adapter nor among those registered for "
        + "deberta-v3-tiny-en; did you mean 'truecase'?")
    #expect(
      message { _ = try Workspace(WorkspaceRequest(model: "x"), location: nowhere) }
        == "'x' is neither a folder nor the name of a base model.")
    #expect(
      message {
        _ = try Workspace(WorkspaceRequest(setup: "truecase", heads: ["nobody"]), location: shipped).loadModel()
      }
        == "No head is called 'nobody'.")
  }

  /// Whoever reads 'unknown' would register it again.
  @Test func `A damaged row of an adapter is reported as such, and not as an unknown name`() throws {
    let folder = try TemporaryFolder()
    let path = folder.path("registry.sqlite")
    try FileManager.default.copyItem(atPath: shipped.path ?? "", toPath: path)
    for name in ["Models", "Adapters"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder.path(name), withDestinationPath: Fixtures.root.appending(path: name).path)
    }
    let location = RegistryLocation(given: path)
    let request = WorkspaceRequest(setup: "debian-section", heads: ["truecase"])
    #expect(try Workspace(request, location: location).loadModel().headNames.contains("truecase"))
    // The date of its creation follows its source.
    let source = "wordnet-domain.train.jsonl, 2200 steps, seed 1"
    try Data(contentsOf: URL(filePath: path)).replacing(Data((source + "2").utf8), with: Data((source + "x").utf8))
      .write(to: URL(filePath: path))
    let text = message {
      let workspace = try Workspace(
        WorkspaceRequest(setup: "debian-section", heads: ["wordnet-domain"]), location: location)
      _ = try workspace.loadModel()
    }
    #expect(
      text?.contains("'adapter'") == true && text?.contains("No head is called") == false, "\(text ?? "accepted")")
  }

  @Test func `What a folder holds is described as it will be registered`() throws {
    let registry = try Registry.open(at: shipped, for: .reading)
    for name in Shipped.names {
      let (savedName, description) = try AdapterDescription.read(Shipped.folder(name), for: registry.model())
      let record = try registry.adapter(named: name)
      #expect(savedName == name)
      #expect(description.method == record.method)
      #expect(description.parameterCount == record.parameterCount)
      #expect(description.head == record.head)
    }
    #expect(try registry.adapters().map(\.method) == ["lora", "seq_bn", "double_seq_bn", "par_bn"])
  }
}
