import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct InspectCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// A copy of a folder of the fixtures, with other tensors in one of its files.
  private func altered(
    _ source: String, _ file: String, as name: String = "altered", _ change: (inout [OutgoingTensor]) -> Void
  ) throws -> String {
    let folder = place.outside(name)
    try FileManager.default.copyItem(atPath: source, toPath: folder)
    var tensors = try TensorFile(path: "\(source)/\(file)").outgoing
    change(&tensors)
    try Safetensors.write(tensors, to: "\(folder)/\(file)")
    return folder
  }

  @Test func `A checkpoint's tensors are told with what is done with them`() throws {
    let inspection = try Inspection(place.path("Models/deberta-v3-tiny-en"))
    let part = try #require(inspection.parts.first)
    #expect(inspection.parts.count == 1 && inspection.otherFiles.isEmpty)
    #expect(part.kind == .checkpoint && part.problem == nil && part.needs.isEmpty)
    #expect(part.tensors.count == 75 && part.tensors.allSatisfy { $0.use == .used })
    let lines = try place.run("inspect", "Models/deberta-v3-tiny-en", "--table").lines
    #expect(lines.contains("  75 tensors, 11 MB: 75 used"))
    #expect(lines.allSatisfy { $0.count <= 80 })
  }

  @Test func `A checkpoint without a tokenizer or with a foreign tensor says so`() throws {
    let folder = place.path("Models/deberta-v3-tiny-en")
    try FileManager.default.removeItem(atPath: folder + "/spm.model")
    let file = try TensorFile(path: folder + "/model.safetensors")
    let tensors = try file.tensors.map { OutgoingTensor(name: $0.name, shape: $0.shape, values: try $0.floats()) }
    try Safetensors.write(
      tensors + [OutgoingTensor(name: "deberta.extra", shape: [1], values: [0])], to: folder + "/model.safetensors")
    let part = try #require(try Inspection(folder).parts.first)
    #expect(
      part.needs == ["a tokenizer (spm.model, tokenizer.json, vocab.json, merges.txt, bpe_encoder.bin), to read texts"])
    #expect(part.tensors.filter { $0.use == .unexpected }.map(\.name) == ["deberta.extra"])
    #expect(part.problem?.contains("deberta.extra") == true)
    let outcome = try place.run("inspect", "Models/deberta-v3-tiny-en")
    #expect(outcome.exitCode == 1 && outcome.messages == "")
  }

  @Test func `An adapter is tried with the base model, and its head is told beside it`() throws {
    let base = try Inspection.Base(folder: place.path("Models/deberta-v3-tiny-en"))
    let inspection = try Inspection(place.path("Adapters/truecase"), base: base)
    #expect(inspection.parts.map(\.kind) == [.adapter, .head])
    #expect(inspection.parts.allSatisfy { $0.problem == nil && $0.tensors.allSatisfy { $0.use == .used } })
    #expect(inspection.parts[0].facts.contains { $0.name == "method" && $0.text == "double_seq_bn" })
    let alone = try #require(try Inspection(place.path("Adapters/truecase")).parts.first)
    #expect(alone.needs == ["a DeBERTa v2 or v3 base model with hidden_size 256; it was made for deberta-v3-tiny-en"])
    #expect(alone.tensors.allSatisfy { $0.use == .unknown })
  }

  @Test func `An adapter of another base says what does not fit`() throws {
    let base = try Inspection.Base(folder: place.path("Models/deberta-v3-tiny-en"))
    let part = try #require(try Inspection(Fixtures.parityCase("method-lora") + "/adapters/a", base: base).parts.first)
    #expect(part.problem?.contains("'hidden_size' is 48; expected 256") == true)
    #expect(part.tensors.contains { $0.use == .misshapen })
    #expect(part.needs[0].hasPrefix("a DeBERTa v2 or v3 base model with hidden_size 48"))
    #expect(part.missing.map(\.name).contains("encoder.layer.3.attention.self.query_proj.loras.a.lora_A"))
  }

  @Test func `One file is listed, and what is nothing is told`() throws {
    let file = try place.run("inspect", "Adapters/truecase/model_head.safetensors").object
    guard case .array(let parts) = file.members["parts"], case .object(let part)? = parts.first else {
      Issue.record("no parts")
      return
    }
    #expect(part["kind"] == .string("tensors"))
    #expect(try place.run("inspect", "nothing") == .failed("There is no file or folder 'nothing'."))
    #expect(
      try place.run("inspect", "Models")
        == .failed(
          "The folder 'Models' holds no checkpoint, adapter, head, fusion or file of tensors; it holds deberta-v3-tiny-en."
        ))
    #expect(try place.run("inspect", "Models/deberta-v3-tiny-en/spm.model").exitCode == 1)
  }

  // MARK: Everything that is wrong

  /// Every base of the fixtures whose weights are one file of safetensors.
  private static let bases = [
    "abs", "norel", "noshare", "p2c", "v2conv", "v3", "v3-for-peft", "v3-masked-lm", "v3-multiple-choice",
    "v3-question-answering", "v3-sequence-classification", "v3-token-classification",
  ]

  @Test(arguments: bases) func `Of an empty checkpoint every tensor is missing that is read of a whole one`(
    _ base: String
  ) throws {
    let whole = try #require(try Inspection(Fixtures.base(base)).parts.first)
    #expect(whole.problem == nil && whole.missing.isEmpty)
    let folder = try altered(Fixtures.base(base), "model.safetensors") { tensors in
      tensors = [OutgoingTensor(name: "other", shape: [1], values: [0])]
    }
    let part = try #require(try Inspection(folder).parts.first)
    let used = whole.tensors.filter { $0.use == .used }
    let names = used.map { $0.name.hasPrefix("deberta.") ? String($0.name.dropFirst("deberta.".count)) : $0.name }
    #expect(
      Dictionary(uniqueKeysWithValues: part.missing.map { ($0.name, $0.shape) })
        == Dictionary(uniqueKeysWithValues: zip(names, used.map(\.shape))))
    #expect(part.tensors.map(\.use) == [.unexpected])
    #expect(part.problem == "\(used.count) tensors are missing, 1 tensor is there without a place in the model.")
  }

  @Test func `Every tensor that is missing, misshapen or unexpected is named`() throws {
    let folder = try altered(Fixtures.base("v3"), "model.safetensors") { tensors in
      tensors.removeAll { $0.name.hasSuffix("layer.1.output.dense.bias") || $0.name.hasSuffix("key_proj.weight") }
      for (index, tensor) in tensors.enumerated() where tensor.name.hasSuffix("intermediate.dense.weight") {
        tensors[index] = OutgoingTensor(name: tensor.name, shape: tensor.shape.reversed(), values: tensor.values)
      }
      for name in ["deberta.encoder.layer.0.extra", "another"] {
        tensors.append(OutgoingTensor(name: name, shape: [2], values: [0, 0]))
      }
    }
    let part = try #require(try Inspection(folder).parts.first)
    let layers = try TinyModel.shape().layerCount
    #expect(
      part.missing.map(\.name).sorted()
        == ((0..<layers).map { "encoder.layer.\($0).attention.self.key_proj.weight" }
        + ["encoder.layer.1.output.dense.bias"]).sorted())
    let misshapen = part.tensors.filter { $0.use == .misshapen }
    #expect(misshapen.count == layers && misshapen.allSatisfy { $0.neededShape == $0.shape.reversed() })
    #expect(part.tensors.filter { $0.use == .unexpected }.map(\.name) == ["another", "deberta.encoder.layer.0.extra"])

    let outcome = try place.run("inspect", folder, "--table")
    #expect(outcome.exitCode == 1 && outcome.lines.allSatisfy { $0.count <= 80 })
    let start = try #require(outcome.lines.firstIndex { $0.contains("TENSOR") })
    #expect(
      outcome.lines[(start + 1)...].prefix(6).map { $0.split(separator: " ")[0] } == [
        "encoder.layer.0-2.attention.self.key_proj.", "weight", "encoder.layer.1.output.dense.bias", "another",
        "deberta.encoder.layer.0.extra", "encoder.layer.0-2.intermediate.dense.weight",
      ])
    #expect(outcome.lines[(start + 1)...].contains { $0.hasSuffix("F32   needs [80, 48]") })
    #expect(
      outcome.lines.suffix(2) == [
        "  It cannot be used: 4 tensors are missing, 3 tensors are of another shape than",
        "  is needed, 2 tensors are there without a place in the model.",
      ])
  }

  @Test func `A single fault is told in the words of the loader`() throws {
    let folder = try altered(Fixtures.base("v3"), "model.safetensors") { tensors in
      tensors.removeAll { $0.name.hasSuffix("layer.1.output.dense.bias") }
    }
    let part = try #require(try Inspection(folder).parts.first)
    #expect(part.missing.map(\.name) == ["encoder.layer.1.output.dense.bias"])
    #expect(part.problem?.contains("has no tensor 'encoder.layer.1.output.dense.bias'") == true)
  }

  // MARK: PEFT, fusions, setups, heads

  private static let peft = Fixtures.parityCase("peft-lora") + "/adapters/p"

  @Test func `A folder of PEFT is tried with the base model, its head too`() throws {
    let base = try Inspection.Base(folder: Fixtures.base("v3-for-peft"))
    let part = try #require(try Inspection(Self.peft, base: base).parts.first)
    #expect(part.kind == .peftAdapter && part.problem == nil && part.needs.isEmpty && part.missing.isEmpty)
    #expect(part.tensors.allSatisfy { $0.use == .used })
    let alone = try #require(try Inspection(Self.peft).parts.first)
    #expect(alone.tensors.allSatisfy { $0.use == .unknown } && alone.needs[0].hasPrefix("a DeBERTa v2 or v3 base"))
  }

  @Test func `What a folder of PEFT lacks is named`() throws {
    let base = try Inspection.Base(folder: Fixtures.base("v3-for-peft"))
    let folder = try altered(Self.peft, "adapter_model.safetensors", as: "p") { tensors in
      tensors.removeAll { $0.name.hasSuffix("layer.1.attention.self.key_proj.lora_B.weight") }
      let first = tensors[2]
      tensors[2] = OutgoingTensor(name: first.name, shape: [first.values.count], values: first.values)
    }
    let part = try #require(try Inspection(folder, base: base).parts.first)
    #expect(part.missing.map(\.name) == ["encoder.layer.1.attention.self.key_proj.lora_B.weight"])
    #expect(part.tensors.filter { $0.use == .misshapen }.map(\.neededShape) == [[4, 48]])
    #expect(part.problem == "1 tensor is missing, 1 tensor is of another shape than is needed.")
  }

  @Test func `An imported folder of PEFT is registered with its head`() throws {
    let registry = place.outside("peft.sqlite")
    #expect(
      try place.run("models", "register", Fixtures.base("v3-for-peft"), "--registry", registry).messages
        .contains("spm.model"))
    try Registry.edit(path: place.path("registry.sqlite")) { registry in
      let folder = Fixtures.base("v3-for-peft")
      let configuration = try String(contentsOfFile: folder + "/config.json", encoding: .utf8)
      let model = try registry.register(
        modelAt: folder, as: "tiny", describedBy: ModelDescription(configuration: configuration, parameterCount: 1))
      let (name, description) = try AdapterDescription.readForImport(Self.peft, for: model)
      #expect(name == "p" && description.method == "lora")
      #expect(description.head?.kind == "classification" && description.head?.labels.count == 3)
      try registry.importAdapter(folder: Self.peft, as: name, of: "tiny", describedBy: description)
    }
    let summary = try place.run("summary", "--model", "tiny", "--setup", "p")
    #expect(summary.output.contains(#""method": "lora", "name": "p""#), "\(summary)")
  }

  @Test func `A fusion is tried with the base model, and what it lacks is named`() throws {
    let base = try Inspection.Base(folder: Fixtures.base("v3"))
    let source = Fixtures.parityCase("fuse-two") + "/fusions/x+y"
    let part = try #require(try Inspection(source, base: base).parts.first)
    #expect(part.kind == .fusion && part.problem == nil && part.tensors.allSatisfy { $0.use == .used })
    #expect(part.facts.contains { $0.name == "joins" && $0.text == "x, y" })
    let folder = try altered(source, "model_adapter_fusion.safetensors") { tensors in
      tensors.removeAll { $0.name.hasSuffix("key.bias") }
    }
    let damaged = try #require(try Inspection(folder, base: base).parts.first)
    #expect(damaged.missing.count == (try TinyModel.shape().layerCount))
    #expect(damaged.missing.allSatisfy { $0.name.hasSuffix("output.adapter_fusion_layer.x,y.key.bias") })
  }

  @Test func `A head alone, and a setup of folders, are recognised`() throws {
    let head = try #require(try Inspection(Fixtures.parityCase("fuse-two") + "/heads/z").parts.first)
    #expect(head.kind == .head && head.problem == nil && head.tensors.allSatisfy { $0.use == .used })
    let folder = place.outside("setup")
    try FileManager.default.createDirectory(atPath: folder + "/x", withIntermediateDirectories: true)
    try Data(
      #"""
      {"adapter_setup": {"type": "Fuse", "children": [{"type": "single", "children": ["x"]},
      {"type": "Stack", "children": [{"type": "single", "children": ["y"]}, {"type": "single", "children": ["z"]}]}]},
      "head_setup": "h"}
      """#.utf8
    ).write(to: URL(filePath: folder + "/adapter_setup.json"))
    let inspection = try Inspection(folder)
    #expect(inspection.parts.map(\.kind) == [.setup] && inspection.otherFiles == ["x"])
    #expect(inspection.parts[0].facts.first?.text == "Fuse(x, Stack(y, z))")
  }

  @Test func `A folder of something else is not imported, and it is told what it holds`() throws {
    let before = try place.contents()
    for (folder, message) in [
      (Fixtures.parityCase("fuse-two") + "/heads/z", "holds no adapter; it holds a head."),
      (place.path("Models/deberta-v3-tiny-en"), "holds no adapter; it holds a checkpoint."),
      (place.path("Models"), "holds no adapter; it holds deberta-v3-tiny-en."),
    ] {
      #expect(try place.run("import", folder) == .failed("The folder '\(folder)' \(message)"))
    }
    #expect(try place.run("import", "nothing") == .failed("There is no file or folder 'nothing'."))
    #expect(
      try place.run("models", "register", "Adapters/truecase")
        == .failed("The folder 'Adapters/truecase' holds no checkpoint; it holds an adapter and a head."))
    #expect(try place.contents() == before)
  }
}
