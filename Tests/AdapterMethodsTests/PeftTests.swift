import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Foundation
import TestSupport
import Testing

/// LoRA of any ranks and scales at any places, in the files of PEFT.
@Suite struct PeftTests {
  private let folder: TemporaryFolder
  private let shape: DebertaV2Configuration

  init() throws {
    folder = try TemporaryFolder()
    shape = try TinyModel.shape()
  }

  /// Every linear layer, with ranks and scales of their own.
  private static func everywhere(_ shape: DebertaV2Configuration) -> [LoRATarget] {
    (0..<shape.layerCount).flatMap { layer in
      shape.family.projections.enumerated().map { index, place in
        LoRATarget(place, layer: layer, rank: 1 + (layer + index) % 4, alpha: Float(3 + 2 * index))
      }
    }
  }

  private func random(_ method: any AdapterMethod) throws -> Adapter { try .random(method, for: shape, seed: 4) }

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

  @Test(arguments: [false, true])
  func loRAOfManyRanksAtEveryPlaceIsReadAsItIsWritten(_ isDoRA: Bool) throws {
    let targets = Self.everywhere(shape)
    let adapter = try random(isDoRA ? DoRA(targets) : LoRA(targets))
    let read = try SavedAdapter.read(written(adapter), for: shape).adapter
    #expect(read.values == adapter.values && read.method.name == (isDoRA ? "dora" : "lora"))
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
    let adapter = try random(LoRA(Self.everywhere(shape)))
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

  @Test(arguments: ["ia3", "dora", "vera", "seq_bn", "lora[use_gating=True]", "prefix_tuning_flat"])
  func whatPeftDoesNotHaveIsRefusedByItsName(_ preset: String) throws {
    let adapter = try Adapter.random(preset, for: shape, seed: 1)
    #expect(throws: PeftError.noCounterpart(method: adapter.method.name)) { try written(adapter) }
  }

  // MARK: Settings

  @Test(arguments: [
    #""init_lora_weights": "pissa""#, #""init_lora_weights": "pissa_niter_4""#, #""init_lora_weights": "OLoRA""#,
    #""init_lora_weights": "corda""#, #""init_lora_weights": "loftq""#, #""init_lora_weights": "lora_ga""#,
    #""init_lora_weights": "some_new_start""#, #""alora_invocation_tokens": [5, 14]"#, #""use_qalora": true"#,
    #""layer_replication": [[0, 2], [1, 3]]"#, #""use_bdlora": {"nblocks": 2}"#, #""kasa_config": {"beta": 1}"#,
    #""trainable_token_indices": [1, 2]"#, #""target_parameters": ["a.weight"]"#, #""arrow_config": {"top_k": 3}"#,
    #""monteclora_config": {"num_samples": 8}"#, #""lora_bias": true"#, #""bias": "all""#, #""bias": "lora_only""#,
    #""fan_in_fan_out": true"#, #""a_key_of_the_future": 3"#, #""peft_type": "IA3""#, #""lora_dropout": 1.5"#,
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
      LoRA(
        (0..<3).flatMap {
          [
            LoRATarget(.query, layer: $0, rank: 4, alpha: 4),
            LoRATarget(.value, layer: $0, rank: $0 == 1 ? 2 : 4, alpha: 4),
          ]
        }))
    let path = try written(adapter) {
      $0["target_modules"] = .array([.string("query_proj"), .string("value_proj")])
      $0["rank_pattern"] = .object(["layer\\.1\\..*value_proj": .integer(2)])
      $0["alpha_pattern"] = .object(["query_proj": .integer(6)])
      $0["use_rslora"] = .bool(true)
      $0["lora_alpha"] = .integer(10)
      $0["r"] = .integer(4)
    }
    let method = try #require(try SavedAdapter.read(path, for: shape).adapter.method as? LoRA)
    let targets = try #require(method.targets(in: shape))
    for target in targets {
      let rank = target.place == .value && target.layer == 1 ? 2 : 4
      let alpha: Double = target.place == .query ? 6 : 10
      #expect(target.rank == rank)
      #expect(abs(Double(target.alpha) / Double(rank) - alpha / Double(rank).squareRoot()) < 1e-6)
    }
    #expect(targets.count == 6)
  }

  @Test(arguments: [
    #""target_modules": "all-linear""#, #""target_modules": ".*\\.(query|value)_proj""#,
    #""target_modules": ["attention.self.query_proj", "value_proj"]"#, #""target_modules": "(?!x).*""#,
    #""target_modules": ["dense", "query_proj", "value_proj"], "exclude_modules": ["dense"]"#,
    #""target_modules": "all-linear", "exclude_modules": ".*(dense|key_proj)""#,
    #""layers_to_transform": [0, 1, 2]"#, #""layers_to_transform": [0, 1, 2], "layers_pattern": "layer""#,
  ])
  func placesAreFoundByNamesPatternsAndLayers(_ member: String) throws {
    let targets =
      member.hasPrefix(#""target_modules": "all-linear""#) && !member.contains("exclude")
      ? Self.everywhere(shape).map { LoRATarget($0.place, layer: $0.layer, rank: 2, alpha: 4) }
      : (0..<3).flatMap {
        [LoRATarget(.query, layer: $0, rank: 2, alpha: 4), LoRATarget(.value, layer: $0, rank: 2, alpha: 4)]
      }
    let adapter = try random(LoRA(targets))
    guard case .object(let change) = try JSONValue(Data("{\(member)}".utf8), file: "the test") else { return }
    let path = try written(adapter) { $0.merge(change) { $1 } }
    #expect(try SavedAdapter.read(path, for: shape).adapter.values == adapter.values)
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

  @Test func aModuleOfTheEncoderThatWasSavedAsAWholeIsRefusedByItsName() throws {
    let adapter = try Adapter.random("lora[r=2]", for: shape, seed: 1)
    let path = try written(adapter) { $0["modules_to_save"] = .array([.string("LayerNorm")]) }
    #expect(refusal { _ = try SavedAdapter.read(path, for: shape) } == nil)
    let text = try changed(path) { tensors in
      let name = "base_model.model.encoder.layer.0.output.LayerNorm.weight"
      tensors.append(OutgoingTensor(name: name, shape: [2], values: [1, 2]))
    }
    #expect(text?.contains("'modules_to_save' names 'LayerNorm'") == true && text?.contains("merge_and_unload") == true)
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
