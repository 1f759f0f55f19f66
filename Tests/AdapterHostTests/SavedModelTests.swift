import AdapterHost
import Checkpoints
import Foundation
import TestSupport
import Testing

/// A whole model in a folder: what is saved is what is loaded.
@Suite struct SavedModelTests {
  private let ids = TinyModel.ids([7, 3, 12])
  private static let presets = [
    "bottleneck": "seq_bn[reduction_factor=4]", "other": "seq_bn[reduction_factor=6]", "lora": "lora[r=3, alpha=5]",
    "compacter": "compacter[reduction_factor=4, phm_dim=2]",
    "prefix": "prefix_tuning[prefix_length=3, bottleneck_size=5]",
    "prompt": "prompt_tuning[prompt_length=2]", "reft": "direft[r=2]", "inverse": "seq_bn_inv",
    "union": "lora[r=2]|seq_bn",
  ]

  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    for (index, (name, preset)) in Self.presets.sorted(by: { $0.key < $1.key }).enumerated() {
      try model.addRandom(preset, named: name, seed: UInt64(index + 1))
    }
    try model.addAdapterFusion(["bottleneck", "other"], seed: 4)
    try model.addAdapterFusion(["bottleneck", "other"], named: "second", .static, seed: 5)
    try model.addHead("lora", HeadSettings(.classification, labels: ["x", "y", "z"]), seed: 1)
    try model.addHead(
      "values", HeadSettings(.classification, labels: ["p"], meaning: OutputMeaning(score: .sigmoid)), seed: 2)
    try model.addHead("tags", HeadSettings(.tagging, labels: ["O", "B-x"], layers: 2, activation: nil), seed: 3)
    try model.addMaskedLMHead("words", seed: 4)
    return model
  }

  private static let setups =
    presets.keys.sorted() + ["Fuse(bottleneck, other)", "Fuse(bottleneck, other, name=second)", "Stack(lora, other)"]

  private func outputs(_ model: DebertaV2AdapterModel, _ setup: String?) throws -> [[Float]] {
    let output = try model(
      ids, setup: .composition(setup.map { try Composition($0) }), heads: setup == "prompt" ? [] : model.headNames)
    return [output.values] + output.answers.map { $0.output.logits.array }
  }

  @Test func everythingThatIsSavedIsLoaded() throws {
    let model = try model()
    let folder = try TemporaryFolder()
    try model.savePretrained(to: folder.path("whole"))
    let loaded = try DebertaV2AdapterModel(folder: folder.path("whole"), compute: TinyModel.compute)
    #expect(loaded.adapterNames == model.adapterNames)
    #expect(loaded.fusionNames == ["bottleneck,other", "second"])
    #expect(loaded.headNames == model.headNames)
    #expect(loaded.head("lora")?.settings.labels == ["x", "y", "z"])
    #expect(loaded.head("values")?.settings.meaning.score == .sigmoid)
    #expect(loaded.activeAdapters == nil)
    let base = try outputs(model, nil)
    for setup in Self.setups {
      let (ours, expected) = (try outputs(loaded, setup), try outputs(model, setup))
      #expect(expected != base)
      #expect(ours == expected, "\(setup)")
    }
  }

  @Test func aTiedDecoderIsNotWrittenAgain() throws {
    let folder = try TemporaryFolder()
    try model().savePretrained(to: folder.path("whole"))
    let names = try TensorFile(path: folder.path("whole/model.safetensors")).tensors.map(\.name)
    #expect(names.contains("heads.words.3.bias") && !names.contains("heads.words.3.weight"))
    #expect(names.contains("deberta.encoder.layer.2.output.adapter_fusion_layer.second.query.weight"))
  }

  @Test func weightsAreSharedOutToFilesOfALimitedSize() throws {
    let model = try model()
    let folder = try TemporaryFolder()
    try model.savePretrained(to: folder.path("whole"), shardSize: 100_000)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("whole")).sorted()
    let shards = files.filter { $0.hasSuffix(".safetensors") }
    #expect(shards.count > 2 && shards[0] == "model-00001-of-0000\(shards.count).safetensors")
    #expect(files.contains("model.safetensors.index.json") && !files.contains("model.safetensors"))
    for shard in shards {
      let tensors = try TensorFile(path: folder.path("whole/\(shard)")).tensors
      let size = tensors.reduce(0) { $0 + 4 * $1.elementCount }
      #expect(size <= 100_000 || tensors.count == 1)
    }
    let loaded = try DebertaV2AdapterModel(folder: folder.path("whole"), compute: TinyModel.compute)
    #expect(try outputs(loaded, "Fuse(bottleneck, other)") == outputs(model, "Fuse(bottleneck, other)"))
  }

  @Test func aMergedAdapterIsPartOfTheWeights() throws {
    var model = try model()
    let active = try outputs(model, "lora")
    try model.mergeAdapter("lora")
    let folder = try TemporaryFolder()
    try model.savePretrained(to: folder.path("whole"))
    let loaded = try DebertaV2AdapterModel(folder: folder.path("whole"), compute: TinyModel.compute)
    #expect(!loaded.adapterNames.contains("lora") && loaded.adapterNames.contains("other"))
    #expect(try outputs(loaded, nil) == outputs(model, nil))
    for (ours, expected) in zip(try outputs(loaded, nil), active) { expectClose(ours, expected, .model) }
  }

  @Test func aFolderThatIsInUseIsRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write("mine", as: "file")
    #expect(throws: WorkspaceError.folderInUse(path: folder.path)) { try model().savePretrained(to: folder.path) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["file"])
  }

  @Test func aFreshModelIsMadeOfAConfigurationAndSaved() throws {
    let settings = try ConfigurationFields(path: Fixtures.base("v3") + "/config.json").members
    var model = try DebertaV2AdapterModel(configuration: settings, name: "fresh", seed: 3, compute: TinyModel.compute)
    let again = try DebertaV2AdapterModel(configuration: settings, seed: 3, compute: TinyModel.compute)
    let other = try DebertaV2AdapterModel(configuration: settings, seed: 4, compute: TinyModel.compute)
    #expect(try model(ids).values == again(ids).values)
    #expect(try model(ids).values != other(ids).values)
    #expect(model.name == "fresh" && model.headNames.isEmpty)
    try model.addAdapter("a", setActive: true)
    try model.addHead("a", HeadSettings(.classification, labels: ["x", "y"]))
    let folder = try TemporaryFolder()
    try model.savePretrained(to: folder.path("fresh"))
    let loaded = try DebertaV2AdapterModel(folder: folder.path("fresh"), compute: TinyModel.compute)
    #expect(try outputs(loaded, "a") == outputs(model, "a"))
    #expect(
      refusal {
        _ = try DebertaV2AdapterModel(configuration: ["hidden_size": .integer(7), "num_attention_heads": .integer(2)])
      }?
      .contains("num_attention_heads") == true)
  }
}
