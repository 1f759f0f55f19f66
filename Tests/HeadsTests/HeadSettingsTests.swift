import Checkpoints
import Heads
import Tensors
import TestSupport
import Testing

@Suite struct HeadSettingsTests {
  private func settings(_ members: [String: JSONValue]) throws -> HeadSettings {
    try HeadSettings(ConfigurationFields(.object(members), file: "head_config.json"))
  }

  @Test(arguments: HeadKind.allCases)
  func everyKindIsReadByItsNameInTheReference(_ kind: HeadKind) throws {
    let size = kind == .maskedLM ? "vocab_size" : kind == .multipleChoice ? "num_choices" : "num_labels"
    let own = try settings(["head_type": .string(kind.rawValue), size: .integer(5)])
    #expect(own.kind == kind)
    #expect(own.outputs == (kind == .multipleChoice ? 1 : 5))
    #expect(own.choices == (kind == .multipleChoice ? 5 : nil))
    #expect(own.labels.isEmpty)
  }

  /// JSON objects have no order; the numbers are the order.
  @Test func labelsStandInTheOrderOfTheirNumbers() throws {
    let labels: [String: JSONValue] = ["zebra": .integer(0), "apple": .integer(2), "mouse": .integer(1)]
    let own = try settings([
      "head_type": .string("tagging"), "num_labels": .integer(3), "label2id": .object(labels),
    ])
    #expect(own.labels == ["zebra", "mouse", "apple"])
  }

  @Test func aNumberWithoutALabelGetsTheReferencesName() throws {
    let own = try settings([
      "head_type": .string("classification"), "num_labels": .integer(3), "label2id": .object(["b": .integer(1)]),
    ])
    #expect(own.labels == ["LABEL_0", "b", "LABEL_2"])
  }

  @Test func theSettingsOfAFreshHeadAreThoseThatTheReferenceWrites() throws {
    let own = HeadSettings(.classification, labels: ["no", "yes", "maybe"])
    let file = Fixtures.parityCase("head-cls-3-layers-gelu") + "/heads/h/head_config.json"
    let written = try #require(try ConfigurationFields(path: file).object("config")).members
    #expect(own.members.keys.sorted() == written.keys.sorted())
    let again = try settings(own.members)
    #expect(again.labels == ["no", "yes", "maybe"] && again.outputs == 3 && again.kind == .classification)
    #expect(own.members["layers"] == .integer(2))
    #expect(HeadSettings(.tagging, labels: ["a"]).members["layers"] == .integer(1))
  }

  @Test(arguments: HeadKind.allCases.filter { $0 != .maskedLM })
  func freshSettingsAreReadBack(_ kind: HeadKind) throws {
    let own = HeadSettings(kind, labels: ["x", "y"], layers: 3, activation: .silu)
    let again = try settings(own.members)
    #expect(again.kind == kind && again.outputs == own.outputs && again.labels == own.labels)
    #expect(again.choices == own.choices && again.members == own.members)
  }

  @Test(
    arguments: [
      (["num_labels": .integer(2)], "head_type"), (["head_type": .string("regression")], "head_type"),
      (["head_type": .integer(3)], "head_type"), (["head_type": .string("tagging")], "num_labels"),
      (["head_type": .string("masked_lm")], "vocab_size"),
      (["head_type": .string("tagging"), "num_labels": .integer(0)], "num_labels"),
      (["head_type": .string("tagging"), "num_labels": .string("2")], "num_labels"),
      (["head_type": .string("question_answering"), "num_labels": .integer(1)], "num_labels"),
      (["head_type": .string("tagging"), "num_labels": .integer(2), "layers": .integer(0)], "layers"),
      (
        ["head_type": .string("tagging"), "num_labels": .integer(2), "activation_function": .string("nothing")],
        "activation_function"
      ),
      (["head_type": .string("tagging"), "num_labels": .integer(2), "bias": .string("no")], "bias"),
      (
        ["head_type": .string("tagging"), "num_labels": .integer(2), "label2id": .object(["a": .integer(2)])],
        "label2id.a"
      ),
      (
        ["head_type": .string("tagging"), "num_labels": .integer(2), "label2id": .object(["a": .bool(true)])],
        "label2id.a"
      ),
      (["head_type": .string("tagging"), "num_labels": .integer(2), "label2id": .array([])], "label2id"),
    ] as [([String: JSONValue], String)])
  func whatCannotBeIsRefusedByItsKey(_ members: [String: JSONValue], _ key: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try settings(members) }
    #expect(error.description.contains("'\(key)'") && error.description.contains("head_config.json"), "\(error)")
  }
}

@Suite struct PredictionHeadTests {
  private let compute = TinyModel.compute

  private func hidden(_ rows: Int, _ columns: Int, seed: UInt64 = 3) -> Tensor {
    var random = RandomNumbers(seed: seed)
    return Tensor((0..<rows * columns).map { _ in random.normal() }, rows: rows, columns: columns)
  }

  private func head(_ kind: HeadKind, labels: [String] = ["a", "b", "c"], layers: Int? = nil) -> PredictionHead {
    PredictionHead(
      HeadSettings(kind, labels: labels, layers: layers), hiddenSize: 6, layerNormEps: 1e-7, deviation: 0.5, seed: 1,
      compute)
  }

  /// One layer: logits = hidden Wᵀ + b.
  @Test func aHeadOfOneLayerIsALinearLayer() throws {
    let head = head(.tagging)
    let tensors = head.tensors(compute)
    #expect(tensors.map(\.name) == ["1.weight", "1.bias"] && tensors.map(\.shape) == [[3, 6], [3]])
    let x = hidden(5, 6)
    let logits = head(x, starts: [0, 2, 5], on: Pass(compute))
    let weight = tensors[0].values
    let expected = (0..<5).flatMap { row in
      (0..<3).map { label in
        (0..<6).reduce(0.0) { $0 + Double(x.array[row * 6 + $1]) * Double(weight[label * 6 + $1]) }
      }
    }
    expectClose(logits.array, expected, .op)
  }

  @Test func headsOfSequencesReadTheFirstTokenOfEach() {
    let head = head(.classification)
    let x = hidden(7, 6)
    let pass = Pass(compute)
    let logits = head(x, starts: [0, 3, 4, 7], on: pass)
    #expect(logits.rows == 3 && logits.columns == 3)
    let first = head(pass.gather(x, rows: [0, 3, 4]), starts: [0, 1, 2, 3], on: pass)
    expectClose(logits.array, first.array, .exact)
    // Negative control: other tokens have other logits.
    expectFarOff(logits.array, head(pass.gather(x, rows: [1, 2, 5]), starts: [0, 1, 2, 3], on: pass).array)
  }

  /// Dropout and activations count in the numbers: 1, 4, 7 for three layers.
  @Test func modulesGoByTheNumbersOfTheReference() {
    #expect(
      head(.classification, layers: 3).tensors(compute).map(\.name) == [
        "1.weight", "1.bias", "4.weight", "4.bias", "7.weight", "7.bias",
      ])
    #expect(head(.multipleChoice).tensors(compute).last?.shape == [1])
  }

  @Test func runningAHeadLeavesTheHiddenStatesAsTheyAre() {
    for kind in HeadKind.allCases where kind != .maskedLM {
      let x = hidden(4, 6)
      let before = x.array
      _ = head(kind, layers: 3)(x, starts: [0, 1, 4], on: Pass(compute))
      expectClose(x.array, before, .exact)
    }
  }

  @Test func aSeedRepeatsAHead() {
    func values(_ seed: UInt64) -> [[Float]] {
      PredictionHead(
        HeadSettings(.tagging, labels: ["a", "b"]), hiddenSize: 6, layerNormEps: 1e-7, deviation: 0.02, seed: seed,
        compute
      ).tensors(compute).map(\.values)
    }
    #expect(values(1) == values(1) && values(1) != values(2))
    #expect(values(1)[1] == [0, 0], "biases start at 0")
  }
}

@Suite struct SavedHeadTests {
  private let compute = TinyModel.compute
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ path: String, hiddenSize: Int = 48) throws -> (name: String, head: PredictionHead) {
    try SavedHead.read(path, hiddenSize: hiddenSize, layerNormEps: 1e-7, compute)
  }

  private static let cases = [
    "head-cls-1-layer", "head-cls-3-layers-gelu", "head-cls-regression", "head-masked-lm", "head-multilabel",
    "head-multiple-choice", "head-qa", "head-tagging", "head-tagging-2-layers",
  ]

  @Test(arguments: cases)
  func aHeadOfTheReferenceIsWrittenAsItWasRead(_ parityCase: String) throws {
    let original = Fixtures.parityCase(parityCase) + "/heads/h"
    let (name, head) = try read(original)
    #expect(name == "h")
    try SavedHead.write(head, named: name, modelName: "", hiddenSize: 48, to: folder.path, compute)
    let (one, two) = (
      try TensorFile(path: original + "/model_head.safetensors"),
      try TensorFile(path: folder.path("model_head.safetensors"))
    )
    #expect(one.tensors.map(\.name).sorted() == two.tensors.map(\.name).sorted())
    for tensor in one.tensors {
      let written = try #require(two[tensor.name])
      #expect(written.shape == tensor.shape)
      expectClose(try written.floats(), try tensor.floats(), .exact, tensor.name)
    }
    #expect(
      try JSONValue(path: folder.path("head_config.json")) == JSONValue(path: original + "/head_config.json"))
    let again = try read(folder.path)
    #expect(again.head.tensors(compute).map(\.values) == head.tensors(compute).map(\.values))
  }

  private func saved(changing change: (inout [OutgoingTensor]) -> Void) throws -> String {
    let head = PredictionHead(
      HeadSettings(.classification, labels: ["a", "b"]), hiddenSize: 48, layerNormEps: 1e-7, deviation: 0.02, seed: 1,
      compute)
    try SavedHead.write(head, named: "tag", modelName: "m", hiddenSize: 48, to: folder.path, compute)
    _ = try read(folder.path)
    let file = folder.path("model_head.safetensors")
    var tensors = try TensorFile(path: file).outgoing
    change(&tensors)
    try Safetensors.write(tensors, to: file)
    return file
  }

  @Test func aMissingTensorIsNamed() throws {
    let file = try saved { tensors in tensors.removeAll { $0.name == "heads.tag.4.bias" } }
    let error = try #require(throws: CheckpointError.self) { try read(folder.path) }
    guard case .missingTensor(name: "heads.tag.4.bias", file: file, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  @Test func aTensorTooManyIsNamed() throws {
    let file = try saved { $0.append(OutgoingTensor(name: "heads.tag.9.bias", shape: [1], values: [1])) }
    #expect(throws: CheckpointError.unusedTensors(names: ["heads.tag.9.bias"], file: file)) { try read(folder.path) }
  }

  @Test func aTensorOfAnotherShapeIsNamed() throws {
    let file = try saved { tensors in
      tensors = tensors.map { tensor in
        tensor.name == "heads.tag.4.weight"
          ? OutgoingTensor(name: tensor.name, shape: [3, 48], values: Array(repeating: 0, count: 144)) : tensor
      }
    }
    #expect(
      throws: CheckpointError.wrongShape(name: "heads.tag.4.weight", expected: [2, 48], found: [3, 48], file: file)
    ) { try read(folder.path) }
  }

  /// The reference saves heads along whose names start alike; whole names count.
  @Test func tensorsOfAnotherHeadAreLeft() throws {
    _ = try saved {
      $0.append(OutgoingTensor(name: "heads.tag2.4.bias", shape: [7], values: Array(repeating: 1, count: 7)))
    }
    #expect(try read(folder.path).name == "tag")
    _ = try saved { $0.append(OutgoingTensor(name: "encoder.bias", shape: [1], values: [1])) }
    #expect(throws: CheckpointError.self) { try read(folder.path) }
  }

  @Test func aHeadForAnotherModelIsRefusedWithBothWidths() throws {
    _ = try saved { _ in }
    let error = try #require(throws: ConfigurationError.self) { try read(folder.path, hiddenSize: 64) }
    #expect(error.description.contains("48") && error.description.contains("64"))
  }

  @Test func aFolderSaysWhetherItHoldsAHead() throws {
    #expect(!SavedHead.exists(in: folder.path))
    _ = try saved { _ in }
    #expect(SavedHead.exists(in: folder.path))
  }
}
