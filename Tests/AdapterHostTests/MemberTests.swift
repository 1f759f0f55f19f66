import AdapterHost
import Checkpoints
import Foundation
import TestSupport
import Testing

/// Members of a model in memory: ways to add, name, look at, change and save its parts.
@Suite struct MemberTests {
  private let ids = TinyModel.ids([7, 3, 12])

  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    for (index, (name, preset)) in [("x", "seq_bn"), ("y", "seq_bn"), ("l", "lora[r=3, output_lora=True]")].enumerated()
    {
      try model.addRandom(preset, named: name, seed: UInt64(index + 1))
    }
    return model
  }

  private func values(_ model: DebertaV2AdapterModel, _ setup: String?) throws -> [Float] {
    try model(ids, setup: .composition(setup.map { try Composition($0) })).values
  }

  // MARK: Adding

  @Test func anAdapterIsMadeOfAPresetADictionaryAFileOrAMethod() throws {
    var model = try TinyModel.load()
    let folder = try TemporaryFolder()
    try model.addAdapter("preset", configuration: "lora[r=3]", seed: 5)
    let settings = try #require(model.adapter("preset")).method.settings
    try model.addAdapter("dictionary", settings: ["architecture": .string("lora"), "r": .integer(3)], seed: 5)
    try JSONValue.object(["config": .object(settings)]).write(to: folder.path("whole.json"))
    try model.addAdapter("file", configuration: folder.path("whole.json"), seed: 5)
    try JSONValue.object(settings).write(to: folder.path("bare.json"))
    try model.addAdapter("bare", configuration: folder.path("bare.json"), seed: 5)
    try model.addAdapter("method", method: MethodCatalog.standard.method(preset: "lora[r=3]"), setActive: true, seed: 5)
    let expected = try #require(model.adapter("preset")).values
    for name in ["dictionary", "file", "bare", "method"] {
      #expect(model.adapter(name)?.values == expected, "\(name)")
      #expect(model.adapter(name)?.method.settings == settings, "\(name)")
    }
    #expect(model.activeAdapters == .adapter("method"))
    #expect(
      refusal { try model.addAdapter("odd", settings: ["architecture": .string("glow")]) }?.contains("'glow'") == true)
    #expect(refusal { try model.addAdapter("odd", configuration: folder.path("none.json")) } != nil)
    #expect(model.adapter("odd") == nil)
  }

  @Test func labelsAreGivenToTheHeadThatIsLoaded() throws {
    var model = try model()
    let folder = try TemporaryFolder()
    try model.addHead("x", HeadSettings(.classification, labels: ["a", "b", "c"]))
    try model.saveAdapter("x", to: folder.path("x"))
    try model.saveAdapter("y", to: folder.path("y"))
    try model.loadAdapter(folder.path("x"), as: "named", labels: ["neg", "neu", "pos"], setActive: true)
    #expect(try model.labels() == ["neg", "neu", "pos"])
    #expect(try model.labelsByNumber(ofHead: "x") == [0: "a", 1: "b", 2: "c"])
    #expect(throws: LabelNamesError.self) {
      try model.loadAdapter(folder.path("x"), as: "few", labels: ["neg", "pos"])
    }
    #expect(throws: ModelError.noHeadForLabels(folder: folder.path("y"))) {
      try model.loadAdapter(folder.path("y"), as: "none", labels: ["neg"])
    }
    #expect(model.adapter("few") == nil && model.adapter("none") == nil)
    try model.setActiveAdapters(.adapter("y"))
    #expect(throws: ModelError.activeHeads([])) { try model.labels() }
    model.activeHeads = ["x", "named"]
    #expect(throws: ModelError.activeHeads(["x", "named"])) { try model.labels() }
  }

  @Test func headsMayHaveNoActivationAndUseThePooler() throws {
    var model = try model()
    try model.addHead("none", HeadSettings(.classification, labels: ["a", "b"], activation: nil), seed: 3)
    try model.addHead("tanh", HeadSettings(.classification, labels: ["a", "b"]), seed: 3)
    let output = try model(ids, heads: ["none", "tanh"])
    #expect(output.heads["none"]?.logits.array != output.heads["tanh"]?.logits.array)
    let folder = try TemporaryFolder()
    try model.saveHead("none", to: folder.path("none"))
    try model.loadHead(folder.path("none"), as: "again")
    #expect(try model(ids, heads: ["again"]).heads["again"]?.logits.array == output.heads["none"]?.logits.array)
    // Without an activation the second linear layer is the third module, not the fourth.
    #expect(
      try TensorFile(path: folder.path("none/model_head.safetensors")).tensors.map(\.name).contains("heads.none.3.bias")
    )
    let pooled = HeadSettings(.classification, labels: ["a", "b"], usesPooler: true)
    #expect(refusal { try model.addHead("pooled", pooled) }?.contains("pooler.dense.weight") == true)
    #expect(model.head("pooled") == nil)
  }

  // MARK: Fusions

  @Test func aFusionMayHaveANameOfItsOwn() throws {
    var model = try model()
    try model.addAdapterFusion(["x", "y"], seed: 1)
    try model.addAdapterFusion(["x", "y"], named: "f", setActive: true, seed: 2)
    #expect(model.fusionNames == ["f", "x,y"])
    #expect(model.activeAdapters?.description == "Fuse(x, y, name=f)")
    let named = try values(model, "Fuse(x, y, name=f)")
    expectClose(try model(ids).values, named, .exact)
    #expect(try values(model, "Fuse(x, y)") != named)
    let folder = try TemporaryFolder()
    try model.addHead("h", HeadSettings(.classification, labels: ["a", "b"]))
    try model.saveAdapterFusion("f", to: folder.path("f"), head: "h", metadata: ["note": .string("mine")])
    #expect(try ConfigurationFields(path: folder.path("f/adapter_fusion_config.json")).string("note") == "mine")
    try model.deleteAdapterFusion("f")
    #expect(throws: CompositionError.unknownFusion(name: "f", nearest: ["x,y"])) {
      try values(model, "Fuse(x, y, name=f)")
    }
    try model.deleteHead("h")
    try model.loadAdapterFusion(folder.path("f"), setActive: true)
    #expect(model.activeAdapters?.description == "Fuse(x, y, name=f)")
    expectClose(try values(model, "Fuse(x, y, name=f)"), named, .exact)
    #expect(try model(ids).answers.map(\.name) == ["h"])
    #expect(throws: CompositionError.self) { try Composition("Stack(x, name=f)") }
  }

  // MARK: Saving

  @Test func allPartsAreSavedEachInItsFolder() throws {
    var model = try model()
    try model.addHead("x", HeadSettings(.classification, labels: ["a", "b"]))
    try model.addAdapterFusion(["x", "y"], seed: 1)
    let folder = try TemporaryFolder()
    try model.saveAllAdapters(to: folder.path("new/adapters"), metadata: ["note": .string("mine")], as: .both)
    try model.saveAllAdapterFusions(to: folder.path("fusions"))
    try model.saveAllHeads(to: folder.path("heads"))
    let fields = try ConfigurationFields(path: folder.path("new/adapters/l/adapter_config.json"))
    #expect(try fields.string("config_id") == model.adapter("l")?.method.configurationID)
    #expect(try fields.string("note") == "mine")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path("new/adapters/x")).sorted() == [
        "adapter.safetensors", "adapter_config.json", "head_config.json", "model_head.safetensors",
        "pytorch_adapter.bin",
        "pytorch_model_head.bin",
      ])
    var fresh = try TinyModel.load()
    for name in model.adapterNames { try fresh.loadAdapter(folder.path("new/adapters/\(name)")) }
    try fresh.loadAdapterFusion(folder.path("fusions/x,y"))
    #expect(fresh.headNames == ["x"])
    for setup in ["x", "l", "Fuse(x, y)"] { expectClose(try values(fresh, setup), try values(model, setup), .exact) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("heads")) == ["x"])
  }

  @Test func aSetupIsSavedWithAllThatItNames() throws {
    var model = try model()
    for name in ["x", "y", "h"] { try model.addHead(name, HeadSettings(.classification, labels: ["a", "b"]), seed: 3) }
    try model.addAdapterFusion(["x", "y"], seed: 1)
    try model.addAdapterFusion(["x", "y"], named: "f", seed: 2)
    let setups = [
      "Stack(Fuse(x, y), l)", "Stack(l, Fuse(x, y, name=f))", "Parallel(x, y)", "Average(x, y, weights=[0.25, 0.75])",
      "BatchSplit(x, Stack(l, y), batch_sizes=[1, 2])", "x",
    ]
    for (index, text) in setups.enumerated() {
      let folder = try TemporaryFolder()
      let composition = try Composition(text)
      let heads = index == 2 ? ["x", "y"] : ["h"]
      try model.saveAdapterSetup(composition, heads: heads, to: folder.path("setup"))
      var fresh = try TinyModel.load()
      let loaded = try fresh.loadAdapterSetup(folder.path("setup"), setActive: true)
      #expect(loaded.heads == heads && fresh.activeHeads == heads)
      let expected = try model(ids, setup: .composition(composition), heads: heads)
      let ours = try fresh(ids)
      expectClose(ours.values, expected.values, .exact, text)
      for (own, other) in zip(ours.answers, expected.answers) {
        #expect(own.name == other.name && own.output.logits.array == other.output.logits.array)
      }
    }
    let folder = try TemporaryFolder()
    #expect(throws: CompositionError.self) { try model.saveAdapterSetup(.adapter("none"), to: folder.path("setup")) }
    #expect(throws: ModelError.self) {
      try model.saveAdapterSetup(.adapter("x"), heads: ["none"], to: folder.path("setup"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func aSetupThatCannotBeLoadedChangesNothing() throws {
    let model = try model()
    let folder = try TemporaryFolder()
    try model.saveAdapterSetup(Composition("Stack(x, l)"), to: folder.path("setup"))
    try FileManager.default.removeItem(atPath: folder.path("setup/l/adapter.safetensors"))
    var fresh = try TinyModel.load()
    #expect(throws: (any Error).self) { try fresh.loadAdapterSetup(folder.path("setup")) }
    #expect(fresh.adapterNames.isEmpty)
  }

  // MARK: Looking and changing

  @Test func modulesAreFoundByLayerAndPlace() throws {
    var model = try model()
    try model.addRandom("prefix_tuning[prefix_length=2, bottleneck_size=5, use_gating=True]", named: "p", seed: 9)
    try model.addRandom("double_seq_bn_inv", named: "d", seed: 10)
    func places(_ name: String) throws -> [String] {
      try model.modules(ofAdapter: name).map { "\($0.layer.map { "\($0)" } ?? "-") \($0.location)" }
    }
    #expect(try places("x") == ["0 output_adapter", "1 output_adapter", "2 output_adapter"])
    #expect(try places("l").prefix(2) == ["0 selfattn_lora", "0 output_lora"])
    #expect(try places("p") == ["- self_prefix", "0 self_prefix", "1 self_prefix", "2 self_prefix"])
    #expect(try places("d").prefix(3) == ["- inv_adapter", "0 mh_adapter", "0 output_adapter"])
    let module = try #require(model.adapter("l")?.module(layer: 1, location: "selfattn_lora"))
    #expect(module.specs.map(\.member) == ["lora_A", "lora_B", "lora_A", "lora_B"])
    #expect(model.adapter("l")?.module(layer: 7, location: "selfattn_lora") == nil)
    for name in model.adapterNames {
      let count = try model.modules(ofAdapter: name).reduce(0) { $0 + $1.count }
      #expect(count == model.adapter(name)?.parameters.count)
    }
    #expect(model.layers.map(\.index) == [0, 1, 2])
    #expect(model.layers[1].adapters.map(\.name) == ["d", "l", "p", "x", "y"])
    #expect(model.layers[1].linear(.up).outputs == model.configuration.intermediateSize)
    #expect(throws: CompositionError.self) { try model.modules(ofAdapter: "none") }
  }

  @Test func modulesAreChangedInPlace() throws {
    var model = try model()
    let before = try values(model, "l")
    try model.applyToAdapterModules(of: ["l"]) { _, module in
      for spec in module.specs where spec.member == "lora_B" { module[spec] = module[spec].map { _ in 0 } }
    }
    expectFarOff(before, try values(model, nil))
    expectClose(try values(model, "l"), try values(model, nil), .exact)
    let x = try values(model, "x")
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try model.applyToAdapterModules { name, module in
        if name == "y" { throw Stop() }
        for spec in module.specs { module[spec] = module[spec].map { 2 * $0 } }
      }
    }
    expectClose(try values(model, "x"), x, .exact)
  }

  // MARK: Training

  @Test func theSummaryTellsWhatIsActiveAndWhatIsTrained() throws {
    var model = try model()
    func flags(_ model: DebertaV2AdapterModel) -> [String] {
      AdapterSummary(model).rows.map { "\($0.name) \($0.isActive.map { $0 ? "on" : "off" } ?? "") \($0.isTrainable)" }
    }
    #expect(flags(model) == ["l off true", "x off true", "y off true", "Full model  true"])
    try model.trainAdapter(Composition("Stack(x, l)"))
    #expect(flags(model) == ["l on true", "x on true", "y off false", "Full model  false"])
    try model.addAdapterFusion(["x", "y"])
    try model.trainAdapterFusion(Composition("Fuse(x, y)"))
    #expect(flags(model) == ["l off false", "x on false", "y on false", "Full model  false"])
    #expect(model.training.trains(fusion: "x,y"))
    try model.trainAdapterFusion(Composition("Fuse(x, y)"), unfreezeAdapters: true)
    #expect(flags(model) == ["l off false", "x on true", "y on true", "Full model  false"])
    model.freezeModel()
    #expect(flags(model) == ["l off false", "x on false", "y on false", "Full model  false"])
    model.freezeModel(false)
    #expect(flags(model) == ["l off true", "x on true", "y on true", "Full model  true"])
    #expect(throws: TrainingChoiceError.self) { try model.trainAdapterFusion(Composition("Stack(x, l)")) }
    #expect(throws: CompositionError.self) { try model.trainAdapter(.adapter("none")) }
    #expect(AdapterSummary(model).rows.last?.parameterCount == AdapterSummary(model).checkpointParameterCount)
  }

  @Test func theParametersAreThoseOfTheChoice() throws {
    var model = try model()
    try model.addHead("x", HeadSettings(.classification, labels: ["a", "b"]))
    func names(_ model: DebertaV2AdapterModel) throws -> Set<String> {
      Set(
        try model.trainable().parameters.map { parameter in
          for part in ["adapters.x.", "adapters.y.", "loras.l.", "adapter_fusion_layer", "heads.x.", "word_embeddings"]
          where parameter.name.contains(part) { return part }
          return "base"
        })
    }
    try model.trainAdapter(Composition("Stack(l, x)"))
    #expect(try names(model) == ["loras.l.", "adapters.x.", "heads.x."])
    try model.trainAdapter(Composition("Stack(l, x)"), trainEmbeddings: true)
    #expect(try names(model) == ["loras.l.", "adapters.x.", "heads.x.", "word_embeddings"])
    try model.addAdapterFusion(["y", "x"])
    try model.trainAdapterFusion(Composition("Fuse(y, x)"))
    #expect(try names(model) == ["adapter_fusion_layer"])
    try model.trainAdapterFusion(Composition("Fuse(y, x)"), unfreezeAdapters: true)
    #expect(try names(model) == ["adapter_fusion_layer", "adapters.x.", "adapters.y."])
    try model.setActiveAdapters(.adapter("x"))
    model.freezeModel()
    #expect(try names(model) == ["heads.x."])
    model.freezeModel(false)
    #expect(try names(model).isSuperset(of: ["base", "word_embeddings", "adapters.x.", "heads.x."]))
  }
}
