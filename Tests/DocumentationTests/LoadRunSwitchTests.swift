import AdapterHost
import TestSupport
import Testing

/// The examples of the first page and of 'Load, run, switch', in their order.
@Suite struct LoadRunSwitchTests {
  private let here: Workplace

  init() throws { here = try Workplace() }

  @Test func aTextIsAnswered() throws {
    var model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try model.loadAdapter(here("Adapters/debian-section"), setActive: true)

    let tokenizer = try DebertaV2Tokenizer(folder: here("Models/deberta-v3-tiny-en"))
    let predictor = try Predictor(model, tokenizer)
    for prediction in try predictor.predict(["A library for reading PDF files."]) {
      print(prediction.json())
    }
    #expect(predictor.answeringHeads == ["debian-section"])
  }

  @Test func aModelIsLoadedRunSwitchedMergedAndSaved() throws {
    var model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try model.loadAdapter(here("Adapters/debian-section"))
    try model.loadAdapter(here("Adapters/debian-facets"))
    try model.loadAdapter(here("Adapters/truecase"), as: "case")

    let names = model.adapterNames  // ["case", "debian-facets", "debian-section"]
    #expect(names == ["case", "debian-facets", "debian-section"])
    #expect(model.headNames == names + ["default"])

    try run(model)
    try readTexts(model)
    try switchAdapters(model)
    try mixRows(model)
    try merge(model)
    try addAndSave(model)
  }

  private func run(_ model: DebertaV2AdapterModel) throws {
    let output = try model([[1, 309, 42, 2], [1, 2]], setup: .composition(.adapter("debian-section")))

    let states = output.hiddenStates(row: 0)  // [4, 256]
    let logits = output.heads["debian-section"]?.logits(row: 1)  // [1, labels]
    #expect([states.rows, states.columns] == [4, 256])
    #expect(logits?.rows == 1 && logits?.columns == model.head("debian-section")?.settings.labels.count)
    #expect(output.rowCount == 2 && output.answers.map(\.name) == ["debian-section"])
    #expect(states.array.allSatisfy { $0.isFinite })
  }

  private func readTexts(_ given: DebertaV2AdapterModel) throws {
    var model = given
    let tokenizer = try DebertaV2Tokenizer(folder: here("Models/deberta-v3-tiny-en"))
    let encoding = try tokenizer.encode("A library for reading PDF files.", maximumLength: 128)
    let output = try model([encoding.ids], setup: .composition(.adapter("debian-section")))
    #expect(output.hiddenStates(row: 0).rows == encoding.ids.count && encoding.truncatedTokens == 0)

    try model.setActiveAdapters(Composition("Parallel(debian-section, debian-facets)"))
    let predictor = try Predictor(model, tokenizer)
    let predictions = try predictor.predict(["A library for reading PDF files."])
    if case .label(let best, _) = predictions[0][head: "debian-section"] {
      print(best.label, best.score)
    }
    #expect(predictions[0].answers.map(\.head) == ["debian-section", "debian-facets"])
  }

  private func switchAdapters(_ given: DebertaV2AdapterModel) throws {
    var model = given
    let ids: [[Int32]] = [[1, 309, 42, 2]]
    try model.setActiveAdapters(.adapter("debian-section"))
    try model.setActiveAdapters(Composition("Stack(debian-section, case)"))
    try model.setActiveAdapters(nil)  // the base model

    let average = try Composition("Average(debian-section, case, weights=[0.3, 0.7])")
    let output = try model(ids, setup: .composition(average), heads: ["case"])
    #expect(output.answers.map(\.name) == ["case"])
    #expect(output.heads["case"]?.logits(row: 0).rows == 4)
    expectFarOff(output.values, try model(ids).values)
    #expect(throws: CompositionError.unknownAdapter(name: "cas", nearest: ["case"])) {
      try model.setActiveAdapters(.adapter("cas"))
    }
  }

  /// The table of blocks.
  @Test(arguments: [
    ("Stack(debian-section, case)", 4), ("Sum(debian-section, case)", 4), ("Average(debian-section, case)", 4),
    ("Parallel(debian-section, case)", 8), ("BatchSplit(debian-section, case, batch_sizes=[1, 3])", 4),
  ])
  func everyBlockOfTheTableGivesItsRows(_ setup: String, _ rows: Int) throws {
    var model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try model.loadAdapter(here("Adapters/debian-section"))
    try model.loadAdapter(here("Adapters/truecase"), as: "case")
    let ids: [[Int32]] = [[1, 5, 2], [1, 2], [1, 7, 8, 2], [1, 9, 2]]
    let output = try model(ids, setup: .composition(Composition(setup)), heads: [])
    #expect(output.rowCount == rows)
    let section = try model([ids[0]], setup: .composition(.adapter("debian-section")))
    if rows == 8 || setup.hasPrefix("BatchSplit") { expectClose(output.values(row: 0), section.values, .model) }
  }

  private func mixRows(_ model: DebertaV2AdapterModel) throws {
    let output = try model(
      [[1, 309, 2], [1, 42, 7, 2], [1, 309, 2]],
      setup: .rows([.adapter("debian-section"), .adapter("case"), nil]),
      heads: ["debian-section", "case"])
    let section = output.heads["debian-section"]?.logits(row: 0)
    let tags = output.heads["case"]?.logits(row: 1)  // [4, labels]
    #expect(section?.rows == 1 && tags?.rows == 4)
    let alone = try model([[1, 42, 7, 2]], setup: .composition(.adapter("case")))
    expectClose(output.values(row: 1), alone.values, .model)
    expectFarOff(output.values(row: 0), output.values(row: 2))
  }

  private func merge(_ given: DebertaV2AdapterModel) throws {
    var model = given
    let ids: [[Int32]] = [[1, 309, 42, 2]]
    let base = try model(ids).values
    try model.mergeAdapter("debian-facets")
    let merged = try model(ids, setup: .composition(nil))
    model.resetAdapter()
    #expect(model.mergedAdapter == nil)
    expectClose(merged.values, try model(ids, setup: .composition(.adapter("debian-facets"))).values, .model)
    expectFarOff(merged.values, base)
    expectClose(try model(ids).values, base, .exact)
    #expect(throws: ModelError.notMergeable(name: "debian-section")) { try model.mergeAdapter("debian-section") }
  }

  private func addAndSave(_ given: DebertaV2AdapterModel) throws {
    var model = given
    try model.addAdapter("mine", configuration: "lora[r=4, alpha=16]", seed: 1)
    try model.addHead("mine", HeadSettings(.classification, labels: ["no", "yes"]), seed: 1)
    try model.saveAdapter("mine", to: here("Adapters/mine"))
    let files = try here.paths.filter { $0.hasPrefix("Adapters/mine/") }
    #expect(
      files.map { $0.dropFirst("Adapters/mine/".count) } == [
        "adapter.safetensors", "adapter_config.json", "head_config.json", "model_head.safetensors",
      ])
    var other = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try other.loadAdapter(here("Adapters/mine"), setActive: true)
    let ids: [[Int32]] = [[1, 309, 42, 2]]
    let (ours, theirs) = (try model(ids, setup: .composition(.adapter("mine"))), try other(ids))
    expectClose(theirs.values, ours.values, .exact)
    expectClose(
      try #require(theirs.heads["mine"]).logits.array, try #require(ours.heads["mine"]).logits.array, .exact)
  }
}
