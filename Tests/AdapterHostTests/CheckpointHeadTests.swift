import AdapterHost
import AdapterMethods
import Checkpoints
import Foundation
import Heads
import TestSupport
import Testing

/// Heads that lie in checkpoints, in folders of transformers' classes and of PEFT, and in whole models.
@Suite struct CheckpointHeadTests {
  private let folder: TemporaryFolder
  private let ids = TinyModel.ids([9, 4])

  init() throws { folder = try TemporaryFolder() }

  /// A checkpoint like a base of the fixtures, with other settings or tensors.
  private func checkpoint(
    _ base: String = "v3-sequence-classification", as name: String = "base",
    settings: (inout [String: JSONValue]) -> Void = { _ in },
    tensors change: (inout [OutgoingTensor]) -> Void = { _ in }
  ) throws -> String {
    let path = try folder.folder(name)
    var members = try ConfigurationFields(path: Fixtures.base(base) + "/config.json").members
    settings(&members)
    try JSONValue.object(members).write(to: path + "/config.json")
    var tensors = try TensorFile(path: Fixtures.base(base) + "/model.safetensors").outgoing
    change(&tensors)
    try Safetensors.write(tensors, to: path + "/model.safetensors")
    return path
  }

  private func load(_ path: String) throws -> DebertaV2AdapterModel {
    try DebertaV2AdapterModel(folder: path, compute: TinyModel.compute)
  }

  private func logits(_ model: DebertaV2AdapterModel, _ head: String = "default", _ setup: String? = nil) throws
    -> [Float]
  {
    let output = try model(ids, setup: .composition(setup.map { try Composition($0) }), heads: [head])
    return try #require(output.heads[head]).logits.array
  }

  /// The tensors of a fixture's head, by their names without the class.
  private func headTensors(_ base: String) throws -> [OutgoingTensor] {
    try TensorFile(path: Fixtures.base(base) + "/model.safetensors").outgoing.filter { !$0.name.hasPrefix("deberta.") }
  }

  // MARK: Checkpoints

  @Test(
    arguments: [
      ("v3-sequence-classification", HeadKind.classification), ("v3-token-classification", .tagging),
      ("v3-question-answering", .questionAnswering), ("v3-masked-lm", .maskedLM),
    ], [nil, "DebertaV2Model", "MyDebertaForSequenceClassification"] as [String?])
  func `Without a known class the tensors tell the head`(_ base: (String, HeadKind), _ name: String?) throws {
    let known = try load(Fixtures.base(base.0))
    let path = try checkpoint(
      base.0, settings: { $0["architectures"] = name.map { .array([.string($0)]) } })
    let model = try load(path)
    #expect(model.head("default")?.settings.kind == base.1)
    expectClose(try logits(model), try logits(known), .exact)
  }

  @Test func `A classifier of another width is left, and an encoder alone has no head`() throws {
    let wide = OutgoingTensor(name: "classifier.weight", shape: [3, 96], values: Array(repeating: 1, count: 288))
    let path = try checkpoint(
      settings: { $0["architectures"] = nil },
      tensors: { tensors in
        tensors.removeAll { $0.name == "classifier.weight" }
        tensors.append(wide)
      })
    #expect(try load(path).headNames.isEmpty)
    // Where the class is known, its tensors must fit.
    let named = try checkpoint(
      as: "named",
      tensors: { tensors in
        tensors.removeAll { $0.name == "classifier.weight" }
        tensors.append(wide)
      })
    #expect(refusal { _ = try load(named) }?.contains("classifier.weight") == true)
    #expect(try TinyModel.load().headNames.isEmpty)
  }

  @Test func `The activation of the pooler is the one of the configuration`() throws {
    let gelu = try logits(load(checkpoint()))
    let tanh = try logits(load(checkpoint(as: "tanh", settings: { $0["pooler_hidden_act"] = .string("tanh") })))
    expectFarOff(tanh, gelu)
    let message = try #require(
      refusal { _ = try load(checkpoint(as: "other", settings: { $0["pooler_hidden_act"] = .string("nonsense") })) })
    #expect(message.contains("'pooler_hidden_act'") && message.contains("nonsense"))
    // A tagger has no pooler.
    let tagger = try checkpoint(
      "v3-token-classification", as: "tagger", settings: { $0["pooler_hidden_act"] = .string("nonsense") })
    #expect(try load(tagger).head("default")?.settings.kind == .tagging)
  }

  @Test func `The problem type makes a head of several labels`() throws {
    let path = try checkpoint(settings: { $0["problem_type"] = .string("multi_label_classification") })
    let settings = try #require(try load(path).head("default")).settings
    #expect(settings.kind == .multilabelClassification && settings.meaning.score == .sigmoid)
    #expect(try load(Fixtures.base("v3-sequence-classification")).head("default")?.settings.meaning.score == .softmax)
  }

  @Test(arguments: ["loss_fct.weight", "class_weights", "criterion.pos_weight", "deberta.embeddings.position_ids"])
  func `What a training script leaves behind is known`(_ name: String) throws {
    let stray = OutgoingTensor(name: name, shape: [3], values: [1, 2, 3])
    let path = try checkpoint(tensors: { $0.append(stray) })
    expectClose(try logits(load(path)), try logits(load(Fixtures.base("v3-sequence-classification"))), .exact)
    let part = try #require(try Inspection(path).parts.first)
    #expect(part.tensors.filter { $0.use == .left }.map(\.name) == [name])
  }

  @Test(arguments: ["deberta.encoder.loss.weight", "deberta.encoder.layer.1.attention.gate.weight", "gate.weight"])
  func `A tensor that has no place is named`(_ name: String) throws {
    let path = try checkpoint(tensors: { $0.append(OutgoingTensor(name: name, shape: [1], values: [1])) })
    #expect(refusal { _ = try load(path) }?.contains(name) == true)
  }

  // MARK: Beside adapters

  /// A folder of PEFT with LoRA on the values.
  private func peft(_ tensors: [OutgoingTensor], task: String?) throws -> String {
    let path = try folder.folder("peft-\(task ?? "null")-\(tensors.count)")
    let members: [String: JSONValue] = [
      "peft_type": .string("LORA"), "r": .integer(1), "lora_alpha": .integer(2),
      "target_modules": .array([.string("value_proj")]),
      "task_type": task.map { .string($0) } ?? .null,
    ]
    try JSONValue.object(members).write(to: path + "/adapter_config.json")
    let shape = try TinyModel.shape("v3-sequence-classification")
    let lora = (0..<shape.layerCount).flatMap { layer in
      ["lora_A", "lora_B"].map { factor in
        OutgoingTensor(
          name: "base_model.model.deberta.encoder.layer.\(layer).attention.self.value_proj.\(factor).weight",
          shape: factor == "lora_A" ? [1, shape.hiddenSize] : [shape.hiddenSize, 1],
          values: (0..<shape.hiddenSize).map { Float($0 % 5) / 10 })
      }
    }
    let head = tensors.map {
      OutgoingTensor(name: "base_model.model." + $0.name, shape: $0.shape, values: $0.values)
    }
    try Safetensors.write(lora + head, to: path + "/adapter_model.safetensors")
    return path
  }

  @Test(arguments: ["SEQ_CLS", "seq_cls", "FEATURE_EXTRACTION", nil] as [String?])
  func `The head that PEFT saved is taken whatever its task is called`(_ task: String?) throws {
    let base = try load(Fixtures.base("v3-sequence-classification"))
    var model = try load(Fixtures.base("v3"))
    let name = try model.loadAdapter(peft(headTensors("v3-sequence-classification"), task: task))
    let head = try #require(model.head(name))
    #expect(head.settings.kind == .classification && head.settings.outputs == 3)
    // The head alone is that of the fixture: without the adapter it gives the fixture's logits.
    expectClose(try logits(model, name), try logits(base), .exact)
    expectFarOff(try logits(model, name, "\(Composition.adapter(name))"), try logits(base))
  }

  @Test(arguments: ["SEQ_CLS", nil] as [String?])
  func `The pooler that PEFT did not save is the base's, and so are the names`(_ task: String?) throws {
    let classifier = try headTensors("v3-sequence-classification").filter { $0.name.hasPrefix("classifier.") }
      .map { OutgoingTensor(name: $0.name, shape: $0.shape, values: $0.values.map { -$0 }) }
    let names: JSONValue = .object(["0": .string("a"), "1": .string("b"), "2": .string("c")])
    let path = try checkpoint(settings: { $0["id2label"] = names })
    var model = try load(path)
    let name = try model.loadAdapter(peft(classifier, task: task))
    #expect(model.head(name)?.settings.labels == ["a", "b", "c"])
    expectClose(try logits(model, name), try logits(model).map { -$0 }, .op)

    var bare = try load(Fixtures.base("v3"))
    let message = refusal { try bare.loadAdapter(peft(classifier, task: "SEQ_CLS")) }
    #expect(message?.contains("PEFT did not save it") == true && message?.contains("modules_to_save") == true)
  }

  /// What `save_adapter` writes of a model of one of transformers' classes.
  private func classFolder(
    _ base: String, _ kind: String, outputs: Int, labels: [String],
    change: (inout [String: JSONValue]) -> Void = { _ in }
  ) throws -> String {
    let path = try folder.folder("class-" + kind)
    let shape = try TinyModel.shape(base)
    try Adapter.random("seq_bn", for: shape, seed: 4).save("t", for: shape, in: folder)
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path("t")) {
      try FileManager.default.copyItem(atPath: folder.path("t/\(file)"), toPath: "\(path)/\(file)")
    }
    let numbers = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, JSONValue.integer($0)) })
    var members: [String: JSONValue] = [
      "config": .null, "name": .null, "num_labels": .integer(outputs), "label2id": .object(numbers),
      "hidden_size": .integer(shape.hiddenSize), "model_class": .string("DebertaV2For" + kind),
      "model_type": .string("deberta-v2"), "version": .string("adapters.1.3.0"),
    ]
    change(&members)
    try JSONValue.object(members).write(to: path + "/head_config.json")
    try Safetensors.write(headTensors(base), to: path + "/model_head.safetensors")
    return path
  }

  @Test(arguments: [
    ("v3-sequence-classification", "SequenceClassification", ["x", "y", "z"]),
    ("v3-token-classification", "TokenClassification", ["O", "B-A", "I-A", "B-B", "I-B"]),
    ("v3-question-answering", "QuestionAnswering", ["LABEL_0", "LABEL_1"]),
    ("v3-multiple-choice", "MultipleChoice", ["LABEL_0", "LABEL_1"]),
    ("v3-masked-lm", "MaskedLM", []),
  ])
  func `The head of a class that adapters saved is named after the adapter`(
    _ base: String, _ kind: String, _ labels: [String]
  ) throws {
    let path = try classFolder(base, kind, outputs: max(labels.count, 2), labels: labels)
    var model = try load(Fixtures.base(base))
    try model.loadAdapter(path, as: "mine")
    let head = try #require(model.head("mine"))
    #expect(head.settings.labels == labels || kind == "MaskedLM")
    expectClose(try logits(model, "mine"), try logits(model), .exact)
    // Saved as our own, it is read again by its name.
    try model.saveHead("mine", to: folder.path("saved"))
    #expect(try model.loadHead(folder.path("saved"), as: "again") == "again")
    expectClose(try logits(model, "again"), try logits(model, "mine"), .exact)
  }

  @Test func `A class head that contradicts its tensors is refused`() throws {
    let path = try classFolder("v3-sequence-classification", "SequenceClassification", outputs: 2, labels: ["a", "b"])
    var model = try load(Fixtures.base("v3"))
    #expect(refusal { try model.loadAdapter(path) }?.contains("num_labels") == true)
  }

  // MARK: Whole models

  /// What `save_pretrained` of an adapter model writes.
  private func wholeModel() throws -> (path: String, adapter: Adapter, head: PredictionHead) {
    let shape = try TinyModel.shape()
    let adapter = try Adapter.random("seq_bn[reduction_factor=6]", for: shape, seed: 3)
    let other = try Adapter.random("seq_bn[reduction_factor=6]", for: shape, seed: 5)
    let head = PredictionHead(
      HeadSettings(.classification, labels: ["a", "b"]), hiddenSize: shape.hiddenSize, layerNormEps: 1e-7,
      deviation: 0.3, seed: 6, TinyModel.compute)
    let path = try checkpoint(
      "v3", as: "whole",
      settings: {
        $0["architectures"] = .array([.string("DebertaV2AdapterModel")])
        $0["adapters"] = .object([
          "adapters": .object(["t": .string("0f"), "u": .string("0f")]),
          "config_map": .object(["0f": .object(adapter.method.settings)]), "fusions": .object([:]),
          "fusion_config_map": .object([:]), "fusion_name_map": .object([:]),
        ])
        $0["prediction_heads"] = .object(["t": .object(head.settings.members)])
      },
      tensors: { tensors in
        for (name, adapter) in [("t", adapter), ("u", other)] {
          let folder = try? adapter.save(name, for: shape, in: self.folder)
          tensors += folder.flatMap { try? TensorFile(path: $0 + "/adapter.safetensors").outgoing } ?? []
        }
        // The word embeddings a second time, as prompt tuning keeps them.
        tensors.append(
          OutgoingTensor(name: "deberta.prompt_tuning.base_model_embeddings.weight", shape: [1], values: [0]))
        tensors += head.tensors(TinyModel.compute).map {
          OutgoingTensor(name: "heads.t." + $0.name, shape: $0.shape, values: $0.values)
        }
      })
    return (path, adapter, head)
  }

  @Test func `The adapters and heads of a whole model can be named at once`() throws {
    let (path, adapter, _) = try wholeModel()
    let model = try load(path)
    #expect(model.adapterNames == ["t", "u"] && model.headNames == ["t"])
    var base = try load(Fixtures.base("v3"))
    try base.add(adapter, named: "t")
    let expected = try base(ids, setup: .composition(.adapter("t")), heads: []).values
    expectClose(try model(ids, setup: .composition(.adapter("t")), heads: []).values, expected, .exact)
    expectFarOff(try model(ids, setup: .composition(nil), heads: []).values, expected)
    #expect(try model(ids, setup: .composition(.adapter("t"))).answers.map(\.name) == ["t"])
    #expect(try Inspection(path).parts.first?.problem == nil)
  }

  @Test func `A missing tensor of a whole model is named`() throws {
    let (path, _, _) = try wholeModel()
    var tensors = try TensorFile(path: path + "/model.safetensors").outgoing
    tensors.removeAll { $0.name.contains("layer.1.output.adapters.t.adapter_up.bias") }
    try Safetensors.write(tensors, to: path + "/model.safetensors")
    #expect(refusal { _ = try load(path) }?.contains("adapters.t.adapter_up.bias") == true)
  }

  // MARK: Merged checkpoints

  @Test(
    arguments: [
      (HeadKind.classification, 2, "DebertaV2ForSequenceClassification"),
      (.multilabelClassification, 2, "DebertaV2ForSequenceClassification"),
      (.tagging, 1, "DebertaV2ForTokenClassification"),
      (.questionAnswering, 1, "DebertaV2ForQuestionAnswering"), (.multipleChoice, 2, "DebertaV2ForMultipleChoice"),
      (.tagging, 2, nil), (.classification, 1, nil), (.classification, 3, nil),
    ] as [(HeadKind, Int, String?)])
  func `A merged checkpoint holds the head as the class that has its layers`(
    _ kind: HeadKind, _ layers: Int, _ name: String?
  ) throws {
    // The base's own head of another kind gives way.
    let source = kind == .tagging ? "v3-sequence-classification" : "v3-token-classification"
    var model = try load(Fixtures.base(source))
    try model.addRandom("lora[r=2]", named: "x", seed: 2)
    try model.addHead("x", HeadSettings(kind, labels: ["one", "two"], layers: layers), seed: 3)
    let written = try MergedCheckpoint.write("x", of: model, from: Fixtures.base(source), to: folder.path("merged"))
    #expect(written.head == name.map { .inClass($0) } ?? .beside)
    let merged = try load(folder.path("merged"))
    let settings = try #require(merged.head("default")).settings
    #expect(settings.kind == kind)
    if kind != .questionAnswering && kind != .multipleChoice { #expect(settings.labels == ["one", "two"]) }
    var expected = model
    try expected.mergeAdapter("x")
    expectClose(try logits(merged), try logits(expected, "x"), .exact)

    let fields = try ConfigurationFields(path: folder.path("merged/config.json"))
    let names = try TensorFile(path: folder.path("merged/model.safetensors")).tensors.map(\.name)
    #expect(FileManager.default.fileExists(atPath: folder.path("merged/head_config.json")) == (name == nil))
    guard let name else { return }
    #expect(try fields.strings("architectures") == [name])
    #expect(names.filter { !$0.hasPrefix("deberta.") }.count == (layers == 2 ? 4 : 2))
    if layers == 2 { #expect(try fields.string("pooler_hidden_act") == "tanh") }
    if kind == .multilabelClassification {
      #expect(try fields.string("problem_type") == "multi_label_classification")
    }
  }

  @Test func `A whole model is merged without the adapters that it keeps`() throws {
    let (path, _, _) = try wholeModel()
    var model = try load(path)
    try model.addRandom("lora[r=2]", named: "x", seed: 2)
    try MergedCheckpoint.write("x", of: model, from: path, to: folder.path("merged"))
    let merged = try load(folder.path("merged"))
    #expect(merged.adapterNames.isEmpty)
    #expect(try ConfigurationFields(path: folder.path("merged/config.json")).members["adapters"] == nil)
  }
}
