import AdapterHost
import Checkpoints
import Foundation
import Heads
import Tensors
import TestSupport
import Testing

/// A base of the fixtures with other settings or tensors.
private struct ChangedCheckpoint {
  let folder: TemporaryFolder
  let path: String

  init(
    _ base: String, settings: [String: JSONValue] = [:],
    _ change: (inout [String: OutgoingTensor]) -> Void = { _ in }
  ) throws {
    folder = try TemporaryFolder()
    path = folder.path
    let source = try CheckpointFolder(path: Fixtures.base(base))
    let file = source.path + "/config.json"
    var members = try ConfigurationFields(JSONValue(source.configuration, file: file), file: file).members
    for (key, value) in settings { members[key] = value }
    try JSONValue.object(members).write(to: folder.path("config.json"))
    var tensors = Dictionary(uniqueKeysWithValues: try source.weights.outgoing.map { ($0.name, $0) })
    change(&tensors)
    try Safetensors.write(tensors.values.sorted { $0.name < $1.name }, to: folder.path("model.safetensors"))
  }

  func load() throws -> DebertaV2AdapterModel {
    try DebertaV2AdapterModel(folder: path, compute: TinyModel.compute)
  }
}

extension [String: OutgoingTensor] {
  /// Adds or replaces a tensor.
  fileprivate mutating func put(_ name: String, _ shape: [Int], _ values: [Float]) {
    self[name] = OutgoingTensor(name: name, shape: shape, values: values)
  }

  /// Adds or replaces a tensor of random values.
  fileprivate mutating func put(_ name: String, _ shape: [Int], seed: UInt64) {
    var random = RandomNumbers(seed: seed)
    put(name, shape, (0..<shape.reduce(1, *)).map { _ in 0.15 * random.normal() })
  }

  /// The values of a tensor in rows of some columns.
  fileprivate func rows(_ name: String, _ columns: Int) throws -> [[Double]] {
    let values = try #require(self[name]).values.map(Double.init)
    return stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) }
  }
}

private let words = "deberta.embeddings.word_embeddings.weight"
private let vocabulary = TinyModel.vocabulary
private let ids = TinyModel.ids([7, 3, 12])

private func logits(
  _ model: DebertaV2AdapterModel, _ ids: [[Int32]] = ids, setup: String? = nil, head: String = "default",
  answering tokens: AnsweredTokens = .all
) throws -> HeadOutput {
  let output = try model(ids, setup: .composition(setup.map { try Composition($0) }), heads: [head], answering: tokens)
  return try #require(output.heads[head])
}

/// The heads of masked language models that checkpoints carry.
@Suite struct StaticMaskedLMTests {
  private static let bases = ["v3-masked-lm", "v3-microsoft-masked-lm", "v3-microsoft-enhanced-mask-decoder"]

  @Test(arguments: bases)
  func theHeadAnswersEveryTokenWithTheWholeVocabulary(_ base: String) throws {
    let model = try TinyModel.load(base)
    #expect(model.headNames == ["default"])
    let output = try logits(model)
    #expect(output.logits.rows == 22 && output.logits.columns == vocabulary)
    #expect(output.rows == [0..<7, 7..<10, 10..<22] && output.tokens == ids.map { Array($0.indices) })
    #expect(output.settings.kind == .maskedLM && output.settings.outputs == vocabulary)
  }

  /// Negative control: the decoder is the word embeddings of the file.
  @Test func otherWordsAreOtherScores() throws {
    let changed = try ChangedCheckpoint("v3-masked-lm") { tensors in
      let doubled = tensors[words]?.values.map { 2 * $0 } ?? []
      tensors.put("cls.predictions.decoder.weight", [vocabulary, 48], doubled)
    }
    expectFarOff(try logits(changed.load()).logits.array, try logits(TinyModel.load("v3-masked-lm")).logits.array)
  }

  /// PyTorch files name tied tensors twice.
  @Test func aDecoderThatIsStoredTwiceIsTheWords() throws {
    let changed = try ChangedCheckpoint("v3-masked-lm") { tensors in
      tensors.put("cls.predictions.decoder.weight", [vocabulary, 48], tensors[words]?.values ?? [])
      tensors.put("cls.predictions.decoder.bias", [vocabulary], tensors["cls.predictions.bias"]?.values ?? [])
    }
    let expected = try logits(TinyModel.load("v3-masked-lm")).logits.array
    expectClose(try logits(changed.load()).logits.array, expected, .exact)
    let biased = try ChangedCheckpoint("v3-masked-lm") { tensors in
      tensors.put("cls.predictions.decoder.bias", [vocabulary], tensors["cls.predictions.bias"]?.values ?? [])
      tensors["cls.predictions.bias"] = nil
    }
    expectClose(try logits(biased.load()).logits.array, expected, .exact)
  }

  @Test func aDecoderThatIsNotTiedMustBeInTheFile() throws {
    func changed(_ change: (inout [String: OutgoingTensor]) -> Void) throws -> ChangedCheckpoint {
      try ChangedCheckpoint("v3-masked-lm", settings: ["tie_word_embeddings": .bool(false)], change)
    }
    let error = try #require(throws: CheckpointError.self) { try changed { _ in }.load() }
    guard case .missingTensor(name: "cls.predictions.decoder.weight", _, _) = error else {
      Issue.record("\(error)")
      return
    }
    let own = try changed { $0.put("cls.predictions.decoder.weight", [vocabulary, 48], seed: 1) }
    expectFarOff(try logits(own.load()).logits.array, try logits(TinyModel.load("v3-masked-lm")).logits.array)
  }

  @Test(arguments: [
    ("v3-masked-lm", "cls.predictions.transform.LayerNorm.bias"), ("v3-masked-lm", "cls.predictions.bias"),
    ("v3-microsoft-masked-lm", "lm_predictions.lm_head.bias"),
    ("v3-microsoft-masked-lm", "lm_predictions.lm_head.dense.bias"),
  ])
  func halfAHeadIsRefusedByTheNameOfWhatIsMissing(_ base: String, _ name: String) throws {
    let changed = try ChangedCheckpoint(base) { $0[name] = nil }
    let error = try #require(throws: CheckpointError.self) { try changed.load() }
    guard case .missingTensor(name: name, _, _) = error else {
      Issue.record("\(error)")
      return
    }
  }

  /// The class says what must be there; a file without a class may have no head.
  @Test func aMaskedLanguageModelWithoutItsHeadIsRefused() throws {
    func changed(_ settings: [String: JSONValue]) throws -> ChangedCheckpoint {
      try ChangedCheckpoint("v3-masked-lm", settings: settings) { tensors in
        tensors = tensors.filter { !$0.key.hasPrefix("cls.") }
      }
    }
    #expect(refusal { _ = try changed([:]).load() }?.contains("cls.predictions.transform.dense.weight") == true)
    #expect(
      refusal { _ = try changed(["legacy": .bool(false)]).load() }?.contains(
        "lm_predictions.lm_head.dense.weight")
        == true)
    #expect(try changed(["architectures": .null]).load().headNames.isEmpty)
  }

  /// microsoft/deberta-v3-base has such tensors, and no `architectures`.
  @Test func theDiscriminatorsTensorsAreLeft() throws {
    let changed = try ChangedCheckpoint("v3-microsoft-masked-lm") { tensors in
      for part in ["dense", "LayerNorm", "classifier"] {
        tensors.put("mask_predictions.\(part).weight", [48, 48], seed: 1)
        tensors.put("mask_predictions.\(part).bias", [48], seed: 2)
      }
    }
    let expected = try logits(TinyModel.load("v3-microsoft-masked-lm")).logits.array
    expectClose(try logits(changed.load()).logits.array, expected, .exact)
    let tensors = try Inspection(changed.path).parts.flatMap(\.tensors)
    #expect(tensors.count { $0.use == .left } == 6)
    #expect(tensors.allSatisfy { $0.use == ($0.name.hasPrefix("mask_predictions.") ? .left : .used) })
  }

  /// Transformers' newer head is Microsoft's without the positions.
  @Test func theNewerHeadOfTransformersIsRead() throws {
    let changed = try ChangedCheckpoint(
      "v3-microsoft-masked-lm",
      settings: ["legacy": .bool(false), "architectures": .array([.string("DebertaV2ForMaskedLM")])])
    let expected = try logits(TinyModel.load("v3-microsoft-masked-lm")).logits.array
    expectClose(try logits(changed.load()).logits.array, expected, .exact)
  }

  /// Scores are norm(act(h Wᵀ + b)) Eᵀ + c, whatever the width of E.
  @Test(arguments: ["cls.predictions.transform", "lm_predictions.lm_head"])
  func aHeadOfNarrowEmbeddingsIsItsFormula(_ scope: String) throws {
    let bias = scope.hasPrefix("cls") ? "cls.predictions.bias" : scope + ".bias"
    var stored: [String: OutgoingTensor] = [:]
    let changed = try ChangedCheckpoint("abs", settings: ["architectures": .null]) { tensors in
      tensors.put(scope + ".dense.weight", [24, 48], seed: 1)
      tensors.put(scope + ".dense.bias", [24], seed: 2)
      tensors.put(scope + ".LayerNorm.weight", [24], seed: 3)
      tensors.put(scope + ".LayerNorm.bias", [24], seed: 4)
      tensors.put(bias, [vocabulary], seed: 5)
      stored = tensors
    }
    let model = try changed.load()
    let output = try model(ids, heads: ["default"])
    let embeddings = try #require(stored.first { $0.key.hasSuffix("word_embeddings.weight") }).value.values
    let (weight, shift) = (try stored.rows(scope + ".dense.weight", 48), try stored.rows(scope + ".dense.bias", 24)[0])
    let gain = try stored.rows(scope + ".LayerNorm.weight", 24)[0]
    let offset = try stored.rows(scope + ".LayerNorm.bias", 24)[0]
    let c = try stored.rows(bias, vocabulary)[0]
    stored.put("E", [vocabulary, 24], embeddings)
    stored.put("h", [22, 48], output.values)
    let words = try stored.rows("E", 24)
    var expected: [Double] = []
    for state in try stored.rows("h", 48) {
      let t: [Double] = zip(weight, shift).map { row, bias in
        let x: Double = bias + dot(row, state)
        return 0.5 * x * (1 + erf(x * 0.5.squareRoot()))
      }
      let mean = t.reduce(0, +) / 24
      let centred = t.map { $0 - mean }
      let deviation = (dot(centred, centred) / 24 + 1e-7).squareRoot()
      let normed: [Double] = centred.indices.map { centred[$0] / deviation * gain[$0] + offset[$0] }
      for (word, bias) in zip(words, c) { expected.append(bias + dot(word, normed)) }
    }
    expectClose(try #require(output.heads["default"]).logits.array, expected, .model)
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  @Test func adaptersActBelowTheCheckpointsHead() throws {
    var model = try TinyModel.load("v3-masked-lm")
    try model.addRandom("lora[r=3]", named: "a", seed: 1)
    let (plain, adapted) = (try logits(model), try logits(model, setup: "a"))
    expectFarOff(adapted.logits.array, plain.logits.array)
    #expect(try model(ids, setup: .composition(.adapter("a"))).answers.isEmpty)
  }
}

/// Microsoft's enhanced mask decoder: absolute positions in the last layer alone.
@Suite struct EnhancedMaskDecoderTests {
  private let base = "v3-microsoft-enhanced-mask-decoder"
  private let positions = "deberta.embeddings.position_embeddings.weight"

  /// Negative control for what follows.
  @Test func thePositionsChangeTheScores() throws {
    let without = try ChangedCheckpoint(base) { $0[positions] = nil }
    let zero = try ChangedCheckpoint(base) { $0.put(positions, [40, 48], Array(repeating: 0, count: 40 * 48)) }
    let scores = try logits(TinyModel.load(base)).logits.array
    expectFarOff(scores, try logits(without.load()).logits.array)
    expectFarOff(scores, try logits(zero.load()).logits.array)
  }

  @Test func itIsOnlyWherePositionsAreNotAddedToTheEmbeddings() throws {
    let changed = try ChangedCheckpoint(base, settings: ["position_biased_input": .bool(true)])
    let model = try changed.load()
    #expect(model.head("default")?.queryPositions == nil)
    #expect(try TinyModel.load(base).head("default")?.queryPositions?.rows == 40)
  }

  @Test func everyTensorIsUsed() throws {
    let tensors = try Inspection(Fixtures.base(base)).parts.flatMap(\.tensors)
    #expect(!tensors.isEmpty && tensors.allSatisfy { $0.use == .used })
  }

  @Test(arguments: ["lora[r=3]", "double_seq_bn", "prefix_tuning", "ia3", "prompt_tuning"])
  func rowsOfAMixedBatchHaveTheScoresOfRowsAlone(_ preset: String) throws {
    var model = try TinyModel.load(base)
    try model.addRandom(preset, named: "a", seed: 1)
    let rows: [Composition?] = [.adapter("a"), nil, .adapter("a")]
    let mixed = try #require(try model(ids, setup: .rows(rows), heads: ["default"]).heads["default"])
    let (adapted, plain) = (try logits(model, [ids[0]], setup: "a"), try logits(model, [ids[0]]))
    expectFarOff(adapted.logits.array.suffix(vocabulary) + [], plain.logits.array.suffix(vocabulary) + [])
    for (row, composition) in rows.enumerated() {
      let alone = try logits(model, [ids[row]], setup: composition?.description)
      expectClose(mixed.logits(row: row).array, alone.logits.array, .exact, "row \(row)")
    }
  }

  /// Attention maps are those of the encoder's layers, and hidden states are untouched.
  @Test func itLeavesNoTrace() throws {
    let model = try TinyModel.load(base)
    let trace = Trace([.hiddenStates, .attentions])
    let with = try model(ids, heads: ["default"], trace: trace)
    #expect(trace.attentions.count == 3 && trace.hiddenStates.count == 4)
    expectClose(with.values, try model(ids, heads: []).values, .exact)
  }

  /// A token's position is its column of the padded input.
  @Test func aMaskWithHolesKeepsEachTokensOwnPosition() throws {
    let model = try TinyModel.load(base)
    func scores(_ ids: [Int], _ mask: [Int]) throws -> [Float] {
      let padded = try PaddedInput(ids: [ids], mask: .tokens([mask]), model.configuration)
      return try #require(try model(padded.batch, heads: ["default"]).heads["default"]).logits.array
    }
    let front = try scores([5, 6, 7, 0], [1, 1, 1, 0])
    let back = try scores([0, 5, 6, 7], [0, 1, 1, 1])
    expectFarOff(back, front)
    expectClose(front, try logits(model, [[5, 6, 7]]).logits.array, .exact)
  }

  @Test func moreTokensThanPositionsAreRefusedWhereTheHeadIsAsked() throws {
    let model = try TinyModel.load(base)
    let long = TinyModel.ids([41])
    #expect(try model(long, heads: []).values.count == 41 * 48)
    #expect(try logits(model, TinyModel.ids([40])).logits.rows == 40)
    let refusal = try #require(refusal { _ = try model(long) })
    #expect(refusal.contains("41 tokens") && refusal.contains("40"))
  }

  @Test func itIsNotSavedAsAHeadThatItIsNot() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ModelError.enhancedDecoder(head: "default")) {
      try TinyModel.load(base).saveHead("default", to: folder.path("h"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path("h/head_config.json")))
  }
}

/// Masked language models on top of adapters, and at some tokens alone.
@Suite struct MaskedLMHeadTests {
  private let mask: Int32 = 50
  /// Texts with two masks, none, and one.
  private let masked: [[Int32]] = [[1, 50, 7, 50, 2], [1, 8, 2], [50, 9, 12, 2]]

  @Test(arguments: ["v3-masked-lm", "v3-microsoft-enhanced-mask-decoder"])
  func someTokensHaveTheScoresThatTheyHaveAmongAll(_ base: String) throws {
    let model = try TinyModel.load(base)
    let all = try logits(model, masked)
    let some = try logits(model, masked, answering: .masks(mask))
    #expect(some.tokens == [[1, 3], [], [0]] && some.rows == [0..<2, 2..<2, 2..<3])
    let expected = [(0, 1), (0, 3), (2, 0)].flatMap { row, token in
      all.logits(row: row).rows(token..<token + 1).array
    }
    expectClose(some.logits.array, expected, .exact)
    #expect(try logits(model, masked, answering: .masks(51)).logits.rows == 0)
  }

  @Test func otherHeadsAnswerAsEver() throws {
    var model = try TinyModel.load("v3-masked-lm")
    try model.addHead("tags", HeadSettings(.tagging, labels: ["a", "b"]))
    let some = try model(masked, heads: ["tags", "default"], answering: .masks(mask))
    #expect(some.heads["tags"]?.logits.rows == 12 && some.heads["default"]?.logits.rows == 3)
  }

  /// The tokens of a prompt are none of the text's.
  @Test func masksAreCountedAfterAPrompt() throws {
    var model = try TinyModel.load("v3-masked-lm")
    try model.addRandom("prompt_tuning", named: "p", seed: 1)
    let all = try logits(model, masked, setup: "p")
    let some = try logits(model, masked, setup: "p", answering: .masks(mask))
    let prompt = all.rows[0].count - 5
    #expect(prompt > 0 && some.tokens[0] == [prompt + 1, prompt + 3])
    expectClose(
      some.logits(row: 0).array,
      all.logits(row: 0).rows(prompt + 1..<prompt + 2).array + all.logits(row: 0).rows(prompt + 3..<prompt + 4).array,
      .exact)
  }

  // MARK: Fresh heads

  @Test func aFreshHeadIsSavedAsTheReferencesAndReadBack() throws {
    var model = try TinyModel.load()
    try model.addMaskedLMHead("mlm", seed: 3)
    let folder = try TemporaryFolder()
    try model.saveHead("mlm", to: folder.path)
    let reference = Fixtures.parityCase("head-masked-lm") + "/heads/h"
    let own = try TensorFile(path: folder.path("model_head.safetensors"))
    let other = try TensorFile(path: reference + "/model_head.safetensors")
    #expect(own.tensors.map { $0.name.replacing("heads.mlm", with: "heads.h") } == other.tensors.map(\.name))
    #expect(own.tensors.map(\.shape) == other.tensors.map(\.shape))
    #expect(
      try ConfigurationFields(path: folder.path("head_config.json")).object("config")?.members
        == ConfigurationFields(path: reference + "/head_config.json").object("config")?.members)
    var again = try TinyModel.load()
    #expect(try again.loadHead(folder.path, as: "other") == "other")
    expectClose(
      try logits(again, head: "other").logits.array, try logits(model, head: "mlm").logits.array, .exact)
  }

  @Test func aFreshHeadsDecoderIsTheWords() throws {
    var model = try TinyModel.load()
    try model.addMaskedLMHead("mlm")
    let folder = try TemporaryFolder()
    try model.saveHead("mlm", to: folder.path)
    let decoder = try #require(try TensorFile(path: folder.path("model_head.safetensors"))["heads.mlm.3.weight"])
    let checkpoint = try TensorFile(path: Fixtures.base("v3") + "/model.safetensors")
    let stored = try #require(checkpoint.tensors.first { $0.name.hasSuffix("word_embeddings.weight") })
    expectClose(try decoder.floats(), try stored.floats(), .exact)
    #expect(throws: ModelError.exists(kind: "head", name: "mlm")) { try model.addMaskedLMHead("mlm") }
  }

  @Test func aModelWhoseWordsAreNotTiedGetsADecoderOfItsOwn() throws {
    func scores(_ isTied: Bool) throws -> [Float] {
      let changed = try ChangedCheckpoint("v3", settings: ["tie_word_embeddings": .bool(isTied)])
      var model = try changed.load()
      try model.addMaskedLMHead("mlm")
      return try logits(model, head: "mlm").logits.array
    }
    var tied = try TinyModel.load()
    try tied.addMaskedLMHead("mlm")
    expectClose(try scores(true), try logits(tied, head: "mlm").logits.array, .exact)
    expectFarOff(try scores(false), try scores(true))
  }

  /// With the base a decoder is trained through the words that it is tied to, or else as parameters of its own.
  @Test(arguments: [true, false])
  func aDecoderIsTrainedAsTheWordsOnlyIfItIsTied(_ isTied: Bool) throws {
    let changed = try ChangedCheckpoint("v3-masked-lm", settings: ["tie_word_embeddings": .bool(isTied)]) { tensors in
      if !isTied { tensors.put("cls.predictions.decoder.weight", [vocabulary, 48], seed: 1) }
    }
    let model = try changed.load()
    let trainable = try model.trainable(nil, heads: ["default"], part: .everything, folder: changed.path)
    #expect(trainable.parameters.contains { $0.name == "heads.default.3.weight" } == !isTied)
    let head = try #require(try trainable.head("default"))
    let own = try #require(model.head("default"))
    for (found, expected) in zip(head.tensors(TinyModel.compute), own.tensors(TinyModel.compute)) {
      expectClose(found.values, expected.values, .exact, found.name)
    }
  }

  @Test func aSavedHeadWithoutADecoderIsTiedToTheModelsWords() throws {
    var model = try TinyModel.load()
    try model.addMaskedLMHead("mlm", seed: 3)
    let folder = try TemporaryFolder()
    try model.saveHead("mlm", to: folder.path)
    let file = folder.path("model_head.safetensors")
    try Safetensors.write(try TensorFile(path: file).outgoing.filter { $0.name != "heads.mlm.3.weight" }, to: file)
    var again = try TinyModel.load()
    try again.loadHead(folder.path)
    expectClose(try logits(again, head: "mlm").logits.array, try logits(model, head: "mlm").logits.array, .exact)
    #expect(throws: CheckpointError.self) {
      _ = try SavedHead.read(folder.path, hiddenSize: 48, layerNormEps: 1e-7, TinyModel.compute)
    }
  }

  // MARK: Invertible adapters

  private func invertible() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load("v3-masked-lm")
    try model.addRandom("seq_bn_inv", named: "a", seed: 1)
    try model.addRandom("seq_bn_inv", named: "b", seed: 2)
    try model.addRandom("seq_bn", named: "plain", seed: 3)
    return model
  }

  /// Each row's own inverse is applied, and none to rows without one.
  @Test func rowsOfAMixedBatchAreUndoneByTheirOwnInverses() throws {
    let model = try invertible()
    let rows: [Composition?] = [.adapter("a"), .adapter("plain"), .adapter("b")]
    let mixed = try #require(try model(ids, setup: .rows(rows), heads: ["default"]).heads["default"])
    for (row, composition) in rows.enumerated() {
      let alone = try logits(model, [ids[row]], setup: composition?.description)
      expectClose(mixed.logits(row: row).array, alone.logits.array, .exact, "row \(row)")
    }
    expectFarOff(try logits(model, [ids[0]], setup: "b").logits.array, mixed.logits(row: 0).array)
  }

  @Test func someTokensAreUndoneAsAmongAll() throws {
    let model = try invertible()
    let all = try logits(model, masked, setup: "a")
    let some = try logits(model, masked, setup: "a", answering: .masks(mask))
    expectClose(some.logits(row: 2).array, all.logits(row: 2).rows(0..<1).array, .exact)
  }

  @Test func whatCannotBeUndoneIsRefused() throws {
    var model = try invertible()
    #expect(try logits(model, setup: "Stack(a, b)").logits.rows == 22)
    #expect(throws: ModelError.maskedLMOfChangedEmbeddings(head: "default")) {
      _ = try logits(model, setup: "Average(a, b)")
    }
    try model.addHead("narrow", HeadSettings(maskedLMOf: 5, embeddingSize: 24))
    #expect(throws: ModelError.decoderOfOtherWidth(head: "narrow", found: 24, expected: 48)) {
      _ = try logits(model, setup: "a", head: "narrow")
    }
    #expect(try logits(model, setup: "plain", head: "narrow").logits.columns == 5)
  }
}
