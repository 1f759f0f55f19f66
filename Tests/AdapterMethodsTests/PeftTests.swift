import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Foundation
import TestSupport
import Testing

/// The files of PEFT.
@Suite struct PeftTests {
  private let folder: TemporaryFolder
  private let shape: DebertaV2Configuration

  init() throws {
    folder = try TemporaryFolder()
    shape = try TinyModel.shape()
  }

  /// At every linear layer, with ranks and scales of their own.
  private static func everywhere(_ method: String) -> String {
    method + "[target_modules='all-linear', r=3, lora_alpha=7, rank_pattern={'layer.1.output.dense': 2, "
      + "'key_proj': 4}, alpha_pattern={'value_proj': 5, 'intermediate.dense': 0.5}]"
  }

  private func random(_ preset: String) throws -> Adapter { try .random(preset, for: shape, seed: 4) }

  /// Writes an adapter as a folder of PEFT, changes its settings, and returns its path.
  private func written(
    _ adapter: Adapter, as name: String = "p", head: PeftFolder.SavedHead? = nil,
    changing change: (inout [String: JSONValue]) -> Void = { _ in }
  ) throws -> String {
    let path = try folder.folder(name)
    try PeftFolder.write(adapter, base: "tiny", head: head, for: shape, to: path)
    let file = path + "/" + SavedAdapter.configurationFile
    var members = try ConfigurationFields(path: file).members
    change(&members)
    try JSONValue.object(members).write(to: file)
    return path
  }

  private func states(_ path: String) throws -> [Float] {
    var model = try TinyModel.load()
    try model.loadAdapter(path, as: "x", setActive: true)
    return try model(TinyModel.ids([7, 1, 23])).values
  }

  private func states(_ adapter: Adapter) throws -> [Float] {
    var model = try TinyModel.load()
    try model.add(adapter, named: "x")
    return try model(TinyModel.ids([7, 1, 23]), setup: .composition(.adapter("x"))).values
  }

  // MARK: Writing and reading

  private static let presets = [
    "lora[r=3, alpha=7]", "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=2]",
    "lora[attn_matrices=['k'], leave_out=[1], alpha=0.3]", "lora[selfattn_lora=False, output_lora=True]",
    "lora[leave_out=[2]]", "lora[attn_matrices=['q'], leave_out=[1, 2]]",
  ]

  @Test(arguments: presets)
  func theReferencesLoRAGoesThroughAFolderOfPeftWithEveryBit(_ preset: String) throws {
    let adapter = try Adapter.random(preset, for: shape, seed: 3)
    let (name, read) = try SavedAdapter.read(written(adapter), for: shape)
    #expect(name == "p" && read.values == adapter.values && read.method.name == "lora")
    expectClose(try states(read), try states(adapter), .exact)
    expectFarOff(try states(read), try TinyModel.load()(TinyModel.ids([7, 1, 23])).values)
  }

  @Test(arguments: ["lora", "dora"])
  func loRAOfManyRanksAtEveryPlaceIsReadAsItIsWritten(_ name: String) throws {
    let adapter = try random(Self.everywhere("peft_" + name))
    let read = try SavedAdapter.read(written(adapter), for: shape).adapter
    #expect(read.values == adapter.values && read.method.name == name)
    expectClose(try states(read), try states(adapter), .exact)
    #expect(read.values.keys.contains { $0.contains("attention.output.dense") })
  }

  /// PEFT takes a name without its layer to mean every layer of the model.
  @Test func loRAInTheLowestLayersNamesItsLayers() throws {
    func names(_ preset: String) throws -> [String]? {
      let path = try written(Adapter.random(preset, for: shape, seed: 3))
      return try ConfigurationFields(path: path + "/" + SavedAdapter.configurationFile).strings("target_modules")
    }
    #expect(shape.layerCount == 3)
    #expect(
      try names("lora[attn_matrices=['q'], leave_out=[2]]") == [
        "encoder.layer.0.attention.self.query_proj", "encoder.layer.1.attention.self.query_proj",
      ])
    #expect(try names("lora[attn_matrices=['q']]") == ["query_proj"])
  }

  /// Where it is saved as the reference saves, it is a folder of PEFT, for the reference has no settings for it.
  @Test func loRAThatTheReferenceCannotDescribeIsSavedAsPeft() throws {
    let adapter = try random(Self.everywhere("peft_lora"))
    let path = try adapter.save("a", for: shape, in: folder)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        "adapter_config.json", "adapter_model.safetensors",
      ])
    let read = try SavedAdapter.read(path, for: shape)
    #expect(read.name == "a" && read.adapter.values == adapter.values)
    #expect(read.adapter.method.settings == adapter.method.settings)
  }

  @Test func aHeadGoesAlongByTheNamesOfTransformers() throws {
    let head = PeftFolder.SavedHead(
      task: "TOKEN_CLS",
      tensors: [
        OutgoingTensor(name: "classifier.weight", shape: [2, 48], values: Array(repeating: 0.5, count: 96)),
        OutgoingTensor(name: "classifier.bias", shape: [2], values: [1, 2]),
      ])
    let path = try written(Adapter.random("lora", for: shape, seed: 1), head: head)
    let names = try TensorFile(path: path + "/adapter_model.safetensors").tensors.map(\.name)
    #expect(names.contains("base_model.model.classifier.weight"))
    #expect(names.contains("base_model.model.deberta.encoder.layer.0.attention.self.query_proj.lora_A.weight"))
    let read = try #require(try PeftFolder.head(in: path, TinyModel.compute))
    #expect(read.task == "TOKEN_CLS")
    #expect(try read.weights["classifier"].tensor("bias", [2]).array == [1, 2])
  }

  /// PEFT's factors of what a layer gives hold alpha.
  @Test(arguments: ["ia3", "ia3[attn_matrices=['q', 'k'], output_lora=True, alpha=0.7]"])
  func theReferencesIA3GoesThroughAFolderOfPeft(_ preset: String) throws {
    let adapter = try Adapter.random(preset, for: shape, seed: 3)
    let (own, read) = (try states(adapter), try states(written(adapter)))
    expectFarOff(own, try TinyModel.load()(TinyModel.ids([7, 1, 23])).values)
    expectClose(read, own, .model)
  }

  @Test(arguments: ["ia3[use_gating=True]", "dora", "vera", "seq_bn", "lora[use_gating=True]", "prefix_tuning_flat"])
  func whatPeftDoesNotHaveIsRefusedByItsName(_ preset: String) throws {
    let adapter = try Adapter.random(preset, for: shape, seed: 1)
    #expect(throws: PeftError.noCounterpart(method: adapter.method.name)) { try written(adapter) }
  }

  // MARK: Settings

  @Test(arguments: [
    #""init_lora_weights": "pissa_niter_4""#, #""init_lora_weights": "corda""#, #""init_lora_weights": "loftq""#,
    #""init_lora_weights": "lora_ga""#,
    #""init_lora_weights": "some_new_start""#, #""alora_invocation_tokens": [5, 14]"#, #""use_qalora": true"#,
    #""layer_replication": [[0, 2], [1, 3]]"#, #""use_bdlora": {"nblocks": 2}"#, #""kasa_config": {"beta": 1}"#,
    #""target_parameters": ["a.weight"]"#, #""arrow_config": {"top_k": 3}"#,
    #""monteclora_config": {"num_samples": 8}"#, #""fan_in_fan_out": true"#, #""a_key_of_the_future": 3"#,
    #""peft_type": "SHIRA""#, #""bias": "some""#, #""lora_dropout": 1.5"#,
    #""rank_pattern": {"(?=q)": 3}"#, #""alpha_pattern": {"query_proj": "x"}"#, #""r": 0"#,
    #""alpha_pattern": {"query_proj": 1, "layer.0.attention.self.query_proj": 2}"#,
  ])
  func aSettingThatChangesTheNumbersIsRefusedByItsKey(_ member: String) throws {
    let adapter = try Adapter.random("lora[r=2]", for: shape, seed: 1)
    guard case .object(let change) = try JSONValue(Data("{\(member)}".utf8), file: "the test") else { return }
    let path = try written(adapter) { $0.merge(change) { $1 } }
    let text = try #require(refusal { _ = try SavedAdapter.read(path, for: shape) })
    let key = try #require(change.keys.first)
    #expect(text.contains("'\(key)") && text.contains("adapter_config.json"), "\(text)")
  }

  @Test func settingsWithoutEffectOnTheNumbersAreRead() throws {
    let adapter = try Adapter.random("lora[r=2]", for: shape, seed: 1)
    let member =
      #""base_model_name_or_path": "x", "revision": "main", "auto_mapping": {"a": "b"}, "peft_version": "0.21.2", "#
      + #""init_lora_weights": "gaussian", "eva_config": {"rho": 2.0}, "corda_config": null, "loftq_config": {}, "#
      + #""megatron_core": "megatron.core", "qalora_group_size": 16, "use_qalora": false, "layer_replication": null, "#
      + #""alora_invocation_tokens": null, "a_key_of_the_future": false, "another": [], "base_digest": "00""#
    guard case .object(let change) = try JSONValue(Data("{\(member)}".utf8), file: "the test") else { return }
    let path = try written(adapter) { $0.merge(change) { $1 } }
    #expect(try SavedAdapter.read(path, for: shape).adapter.values == adapter.values)
  }

  /// alpha / r of each module, after the patterns; and the root of the rank.
  @Test func patternsAndRankStabilityScaleEachModule() throws {
    let adapter = try random(
      "peft_lora[target_modules=['query_proj', 'value_proj'], r=4, rank_pattern={'layer.1.attention.self.value_proj': 2}]"
    )
    func read(_ name: String, _ change: (inout [String: JSONValue]) -> Void) throws -> [Float] {
      try states(written(adapter, as: name, changing: change))
    }
    let stable = try read("stable") {
      $0["use_rslora"] = .bool(true)
      $0["lora_alpha"] = .integer(10)
      $0["alpha_pattern"] = .object(["query_proj": .integer(6)])
    }
    // alpha / r = alpha' / √r: of rank 4 twice as much, of rank 2 as much by the root of 2.
    let plain = try read("plain") {
      $0["lora_alpha"] = .integer(20)
      $0["alpha_pattern"] = .object([
        "query_proj": .integer(12), "layer\\.1\\..*value_proj": .number(10 * 2.0.squareRoot()),
      ])
    }
    expectFarOff(try read("other") { $0["lora_alpha"] = .integer(20) }, stable)
    expectClose(stable, plain, .model)
  }

  @Test(arguments: [
    #""target_modules": "all-linear""#, #""target_modules": ".*\\.(query|value)_proj""#,
    #""target_modules": ["attention.self.query_proj", "value_proj"]"#, #""target_modules": "(?!x).*""#,
    #""target_modules": ["dense", "query_proj", "value_proj"], "exclude_modules": ["dense"]"#,
    #""target_modules": "all-linear", "exclude_modules": ".*(dense|key_proj)""#,
    #""layers_to_transform": [0, 1, 2]"#, #""layers_to_transform": [0, 1, 2], "layers_pattern": "layer""#,
  ])
  func placesAreFoundByNamesPatternsAndLayers(_ member: String) throws {
    let isEverywhere =
      member.hasPrefix(#""target_modules": "all-linear""#) && !member.contains("exclude")
    let adapter = try random(
      isEverywhere ? "peft_lora[target_modules='all-linear', r=2, lora_alpha=4]" : "lora[r=2, alpha=4]")
    guard case .object(let change) = try JSONValue(Data("{\(member)}".utf8), file: "the test") else { return }
    let path = try written(adapter) { $0.merge(change) { $1 } }
    #expect(try SavedAdapter.read(path, for: shape).adapter.values == adapter.values)
  }

  /// PiSSA and OLoRA take a part out of the base model's weights; what is loaded acts on the weights as they are.
  @Test(arguments: ["pissa", "olora"])
  func startsThatChangeTheBaseAreConverted(_ start: String) throws {
    let adapter = try random("peft_lora[r=3, lora_alpha=7]")
    let path = try written(adapter) { $0["init_lora_weights"] = .string(start) }
    var model = try TinyModel.load()
    try model.loadAdapter(path, as: "x", setActive: true)
    let loaded = try #require(model.adapter("x"))
    #expect(loaded.method.settings["r"] == .integer(6))
    #expect(loaded.parameters.count == 2 * adapter.parameters.count)
    let ids = TinyModel.ids([7, 1, 23])
    let converted = try model(ids).values
    expectFarOff(converted, try states(written(adapter, as: "plain")))
    // What was converted is plain LoRA, and stays what it is when it is saved and loaded.
    try model.loadAdapter(loaded.save("again", for: shape, in: folder), as: "y")
    expectClose(try model(ids, setup: .composition(.adapter("y"))).values, converted, .exact)
    try model.mergeAdapter("x")
    expectClose(try model(ids, setup: .composition(nil)).values, converted, .model)
  }

  // MARK: Tensors

  private func changed(_ path: String, _ change: (inout [OutgoingTensor]) -> Void) throws -> String? {
    let file = path + "/adapter_model.safetensors"
    var tensors = try TensorFile(path: file).outgoing
    change(&tensors)
    try Safetensors.write(tensors, to: file)
    return refusal { _ = try SavedAdapter.read(path, for: shape) }
  }

  @Test(arguments: [
    "pooler.dense.lora_A.weight", "classifier.lora_B.weight", "deberta.embeddings.word_embeddings.lora_embedding_A",
    "deberta.encoder.layer.0.attention.self.pos_key_proj.lora_A.weight",
    "deberta.encoder.layer.0.attention.self.key_proj.lora_A.weight",
  ])
  func loRAWhereNothingIsAdaptedIsRefusedByItsTensor(_ name: String) throws {
    let path = try written(Adapter.random("lora[r=2]", for: shape, seed: 1))
    let text = try #require(
      try changed(path) { $0.append(OutgoingTensor(name: "base_model.model." + name, shape: [2], values: [1, 2])) })
    #expect(text.contains("base_model.model." + name) && text.contains("merge_and_unload"), "\(text)")
    #expect(!text.contains("another kind of model"))
  }

  /// PEFT, `save_embedding_layers`: it stores the word embeddings of a resized model without listing them.
  @Test func wordEmbeddingsThatAreStoredUnlistedReplaceTheModels() throws {
    let path = try written(Adapter.random("lora[r=2]", for: shape, seed: 1))
    let name = "base_model.model.deberta.embeddings.word_embeddings.weight"
    let rows = (0..<shape.vocabularySize * shape.embeddingSize).map { Float($0 % 7) }
    let sizes = [shape.vocabularySize, shape.embeddingSize]
    #expect(try changed(path) { $0.append(OutgoingTensor(name: name, shape: sizes, values: rows)) } == nil)
    let specs = try SavedAdapter.read(path, for: shape).adapter.parameters.specs
    #expect(specs.contains { $0.place == "embeddings.word_embeddings" && $0.shape == sizes })
    let other = try changed(path) { tensors in
      tensors.removeAll { $0.name == name }
      tensors.append(
        OutgoingTensor(name: name, shape: [3, shape.embeddingSize], values: Array(rows.prefix(3 * sizes[1]))))
    }
    #expect(other?.contains(name) == true)
  }

  @Test func aTensorThatTheSettingsPromiseAndOneOfAnotherRankAreNamed() throws {
    let adapter = try Adapter.random("lora[r=2]", for: shape, seed: 1)
    let missing = try changed(try written(adapter)) { tensors in
      tensors.removeAll { $0.name.contains("layer.1.attention.self.value_proj") }
    }
    #expect(missing?.contains("encoder.layer.1.attention.self.value_proj.lora_A.weight") == true)
    let path = try written(adapter) { $0["rank_pattern"] = .object(["query_proj": .integer(5)]) }
    let text = refusal { _ = try SavedAdapter.read(path, for: shape) }
    #expect(text?.contains("query_proj.lora_A.weight") == true && text?.contains("5") == true)
  }
}
