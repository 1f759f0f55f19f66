import AdapterHost
import Heads
import Tensors
import TestSupport
import Testing

@Suite struct HeadAPITests {
  private let ids = TinyModel.ids([7, 3, 12])

  /// Adapters `sst` and `ner` with heads of their names, and a head `extra`.
  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    try model.addRandom("seq_bn", named: "sst", seed: 1)
    try model.addRandom("lora[r=3]", named: "ner", seed: 2)
    try model.addHead("sst", HeadSettings(.classification, labels: ["neg", "pos"]), seed: 1)
    try model.addHead("ner", HeadSettings(.tagging, labels: ["O", "B", "I"]), seed: 2)
    try model.addHead("extra", HeadSettings(.multilabelClassification, labels: ["a", "b", "c", "d"]), seed: 3)
    return model
  }

  private func output(_ setup: String?, heads: [String]? = nil) throws -> ModelOutput {
    try model()(ids, setup: .composition(setup.map { try Composition($0) }), heads: heads)
  }

  @Test func theHeadsThatFollowTheAdaptersAnswer() throws {
    #expect(try output(nil).answers.isEmpty)
    #expect(try output("sst").answers.map(\.name) == ["sst"])
    #expect(try output("Stack(ner, sst)").answers.map(\.name) == ["sst"])
    #expect(try output("sst", heads: ["extra", "ner"]).answers.map(\.name) == ["extra", "ner"])
    #expect(try output("sst", heads: []).answers.isEmpty)
    #expect(try output(nil, heads: ["extra"]).answers.map(\.name) == ["extra"])
  }

  @Test func anAdapterTwiceUnderParallelGivesTwoAnswers() throws {
    let output = try output("Parallel(sst, sst)")
    let alone = try #require(try self.output("sst").heads["sst"]).logits.array
    #expect(output.answers.map(\.name) == ["sst", "sst#2"])
    for answer in output.answers { expectClose(answer.output.logits.array, alone, .exact) }
  }

  @Test func underBatchSplitEachHeadAnswersTheRowsOfItsAdapter() throws {
    let output = try output("BatchSplit(ner, sst, batch_sizes=[1, 2])")
    #expect(output.answers.map(\.name) == ["ner", "sst"] && output.answers.map(\.output.rows.count) == [1, 2])
    let model = try model()
    for (row, answer, own) in [(0, 0, 0), (1, 1, 0), (2, 1, 1)] {
      let name = output.answers[answer].name
      let alone = try model([ids[row]], setup: .composition(.adapter(name)))
      expectClose(
        output.answers[answer].output.logits(row: own).array, try #require(alone.heads[name]).logits.array, .exact)
    }
  }

  @Test func activeHeadsAnswerWhereACallNamesNone() throws {
    var model = try model()
    model.activeHeads = ["extra"]
    #expect(try model(ids).answers.map(\.name) == ["extra"])
    #expect(try model(ids, setup: .composition(.adapter("sst"))).answers.map(\.name) == ["extra"])
    #expect(try model(ids, heads: ["ner"]).answers.map(\.name) == ["ner"])
    try model.deleteHead("extra")
    #expect(model.activeHeads == [])
  }

  @Test func logitsHaveARowForASequenceOrForEachToken() throws {
    let output = try output("sst", heads: ["sst", "ner", "extra"])
    let (sst, ner) = (try #require(output.heads["sst"]), try #require(output.heads["ner"]))
    #expect(sst.logits.rows == 3 && sst.logits.columns == 2)
    #expect(ner.logits.rows == 22 && ner.logits.columns == 3)
    #expect((0..<3).map { ner.logits(row: $0).rows } == [7, 3, 12])
    #expect(ner.rows == [0..<7, 7..<10, 10..<22])
    expectClose((0..<3).flatMap { ner.logits(row: $0).array }, ner.logits.array, .exact)
    #expect(ner.settings.labels == ["O", "B", "I"])
  }

  /// Heads read the hidden states; beside each other, and alone.
  @Test func severalHeadsOverOnePassAnswerAsEachAlone() throws {
    let together = try output("ner", heads: ["sst", "ner", "extra"])
    for name in ["sst", "ner", "extra"] {
      let alone = try output("ner", heads: [name])
      expectClose(
        try #require(together.heads[name]).logits.array, try #require(alone.heads[name]).logits.array, .exact)
      expectClose(alone.values, together.values, .exact)
    }
    expectFarOff(
      try #require(try output("sst", heads: ["extra"]).heads["extra"]).logits.array,
      try #require(together.heads["extra"]).logits.array)
  }

  @Test func underParallelEachHeadAnswersItsOwnRepetition() throws {
    let parallel = try output("Parallel(sst, ner)")
    #expect(parallel.rowCount == 6 && parallel.answers.map(\.name) == ["sst", "ner"])
    for name in ["sst", "ner"] {
      let logits = try #require(parallel.heads[name]).logits.array
      expectClose(logits, try #require(try output(name).heads[name]).logits.array, .exact, name)
    }
    let exchanged = try output("Parallel(sst, ner)", heads: ["ner", "sst"])
    expectFarOff(try #require(exchanged.heads["ner"]).logits.array, try #require(parallel.heads["ner"]).logits.array)
    // A head alone answers the branch that it follows.
    let one = try output("Parallel(sst, ner)", heads: ["sst"])
    #expect(one.answers.map(\.name) == ["sst"])
    expectClose(
      try #require(one.heads["sst"]).logits.array, try #require(parallel.heads["sst"]).logits.array, .exact)
    #expect(try output("Parallel(sst, ner)", heads: []).answers.isEmpty)
  }

  @Test func rowsOfTheirOwnAdaptersAreAnsweredInTheirOrder() throws {
    let model = try model()
    let rows: [Composition?] = [.adapter("ner"), .adapter("sst"), .adapter("ner")]
    let mixed = try model(ids, setup: .rows(rows), heads: ["sst", "ner"])
    for (row, composition) in rows.enumerated() {
      let alone = try model([ids[row]], setup: .composition(composition), heads: ["sst", "ner"])
      for name in ["sst", "ner"] {
        let logits = try #require(mixed.heads[name]).logits(row: row).array
        expectClose(logits, try #require(alone.heads[name]).logits.array, .exact, "row \(row) of \(name)")
      }
    }
  }

  @Test func aRowWithoutTokensDisturbsNoHead() throws {
    let model = try model()
    let output = try model([ids[0], [], ids[2]], setup: .composition(.adapter("sst")), heads: ["sst", "ner"])
    for (row, own) in [(0, 0), (2, 2)] {
      let alone = try model([ids[own]], setup: .composition(.adapter("sst")), heads: ["sst", "ner"])
      for name in ["sst", "ner"] {
        expectClose(
          try #require(output.heads[name]).logits(row: row).array, try #require(alone.heads[name]).logits.array, .exact)
      }
    }
    #expect(try #require(output.heads["ner"]).logits(row: 1).rows == 0)
    #expect(try #require(output.heads["sst"]).logits(row: 1).array.allSatisfy { $0.isFinite })
  }

  /// A folder of PEFT cannot change the base's configuration, in which null is the default.
  @Test(arguments: [
    ("{}", Activation.gelu, true), (#"{"pooler_hidden_act": null}"#, .gelu, true),
    (#"{"pooler_hidden_act": "tanh"}"#, .gelu, false), (#"{"pooler_hidden_act": "tanh"}"#, .tanh, true),
    ("{}", .tanh, false), (#"{"problem_type": "regression"}"#, .gelu, false),
  ])
  func aHeadGoesToPeftIfTheBaseMakesTheSame(_ base: String, _ activation: Activation, _ isSaved: Bool) throws {
    var model = try model()
    let settings = HeadSettings(.classification, labels: ["x", "y"], activation: activation)
    try model.addHead("ner", settings, overwrite: true)
    let folder = try TemporaryFolder()
    _ = try folder.write(base, as: "config.json")
    #expect(try model.exportPeft("ner", base: folder.path, to: folder.path("peft")) == isSaved)
  }

  /// transformers makes the head anew from the base's configuration, so that decides what its outputs mean.
  @Test(arguments: [
    ("{}", OutputMeaning(score: .identity), false),
    (#"{"problem_type": "regression"}"#, OutputMeaning(score: .identity), true),
    (#"{"problem_type": "regression"}"#, OutputMeaning(score: .sigmoid), false),
    (#"{"problem_type": "multi_label_classification"}"#, OutputMeaning(score: .sigmoid), true),
    ("{}", OutputMeaning(score: .sigmoid, target: .identity), true),
  ])
  func aSingleOutputGoesToPeftIfTheBaseGivesItItsMeaning(
    _ base: String, _ meaning: OutputMeaning, _ isSaved: Bool
  ) throws {
    var model = try model()
    try model.addHead(
      "ner", HeadSettings(.classification, labels: ["x"], activation: .gelu, meaning: meaning), overwrite: true)
    let folder = try TemporaryFolder()
    _ = try folder.write(base, as: "config.json")
    #expect(try model.exportPeft("ner", base: folder.path, to: folder.path("peft")) == isSaved)
  }

  @Test func unknownAndTakenNamesAreRefused() throws {
    var model = try model()
    let folder = try TemporaryFolder()
    let unknown = ModelError.unknownHead(name: "extar", nearest: ["extra"])
    #expect(throws: unknown) { _ = try model(ids, heads: ["sst", "extar"]) }
    #expect(throws: unknown) { try model.deleteHead("extar") }
    #expect(throws: unknown) { try model.saveHead("extar", to: folder.path("x")) }
    model.activeHeads = ["extar"]
    #expect(throws: unknown) { _ = try model(ids) }
    let settings = HeadSettings(.tagging, labels: ["x"])
    #expect(throws: ModelError.exists(kind: "head", name: "ner")) { try model.addHead("ner", settings) }
    try model.addHead("ner", settings, overwrite: true)
    #expect(model.head("ner")?.settings.labels == ["x"] && model.headNames == ["extra", "ner", "sst"])
    #expect(unknown.description == "No head is called 'extar'; did you mean 'extra'?")
  }

  @Test func anAdapterTakesItsHeadAlong() throws {
    let model = try model()
    let folder = try TemporaryFolder()
    try model.saveAdapter("ner", to: folder.path("ner"))
    try model.saveAdapter("sst", to: folder.path("bare"), withHead: false)
    var fresh = try TinyModel.load()
    try fresh.loadAdapter(folder.path("ner"), as: "tagger")
    try fresh.loadAdapter(folder.path("bare"))
    #expect(fresh.headNames == ["tagger"])
    let expected = try model(ids, setup: .composition(.adapter("ner")))
    let output = try fresh(ids, setup: .composition(.adapter("tagger")))
    expectClose(
      try #require(output.heads["tagger"]).logits.array, try #require(expected.heads["ner"]).logits.array, .exact)
    try fresh.loadAdapter(folder.path("ner"), as: "plain", withHead: false)
    #expect(fresh.headNames == ["tagger"])
    try fresh.deleteAdapter("tagger")
    #expect(fresh.headNames == ["tagger"], "a head stays without its adapter")
  }

  /// Half of a folder is no adapter.
  @Test func anAdapterWhoseHeadIsBrokenIsNotAdded() throws {
    let model = try model()
    let folder = try TemporaryFolder()
    try model.saveAdapter("ner", to: folder.path("ner"))
    try folder.write("{\"name\": \"ner\"}", as: "ner/head_config.json")
    var fresh = try TinyModel.load()
    #expect(throws: ConfigurationError.missing(key: "config", file: folder.path("ner/head_config.json"))) {
      try fresh.loadAdapter(folder.path("ner"), setActive: true)
    }
    #expect(fresh.adapterNames.isEmpty && fresh.headNames.isEmpty && fresh.activeAdapters == nil)
    #expect(try fresh.loadAdapter(folder.path("ner"), withHead: false) == "ner")
  }

  @Test(arguments: [
    ("v3-sequence-classification", 3), ("v3-token-classification", 5), ("v3-question-answering", 2),
    ("v3-multiple-choice", 1),
  ])
  func aCheckpointWithAHeadAnswersUnderTheNameDefault(_ base: String, _ outputs: Int) throws {
    var model = try TinyModel.load(base)
    #expect(model.headNames == ["default"])
    #expect(try model(ids).heads["default"]?.logits.columns == outputs)
    try model.addRandom("seq_bn", named: "a", seed: 1)
    #expect(try model(ids, setup: .composition(.adapter("a"))).answers.isEmpty)
  }

  /// Prompts stand before the text, or behind its first token; an empty row has no first token.
  @Test(arguments: [
    "seq_bn", "lora[r=3]", "lora[r=3, use_gating=True]", "loreft", "prefix_tuning_flat", "prompt_tuning",
    "prompt_tuning[combine='prefix_after_bos']",
  ])
  func answersAreTheSameWhereFirstStatesAloneAreAskedFor(_ preset: String) throws {
    var model = try TinyModel.load()
    try model.addRandom(preset, named: "a", seed: 5)
    try model.addHead("texts", HeadSettings(.classification, labels: ["a", "b", "c"]))
    try model.addHead("words", HeadSettings(.tagging, labels: ["a", "b"]))
    let ids = TinyModel.ids([7, 3, 12]) + [[]]
    func output(_ heads: [String], _ states: AskedTokens) throws -> ModelOutput {
      try model(ids, setup: .composition(.adapter("a")), heads: heads, states: states)
    }
    let (all, first) = (try output(["texts"], .all), try output(["texts"], .first))
    let isNarrow = !preset.contains("gating") && preset != "loreft"
    #expect((0..<3).allSatisfy { (first.hiddenStates(row: $0).rows == 1) == isNarrow })
    #expect(all.hiddenStates(row: 2).rows >= 12)
    expectClose(
      try #require(first.heads["texts"]).logits.array, try #require(all.heads["texts"]).logits.array, .exact)
    // A head that answers tokens needs them all.
    let both = try output(["texts", "words"], .first)
    #expect(both.hiddenStates(row: 2).rows == all.hiddenStates(row: 2).rows)
    expectClose(
      try #require(both.heads["words"]).logits.array, try #require(output(["words"], .all).heads["words"]).logits.array,
      .exact)
  }
}
