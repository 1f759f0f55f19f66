import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct PredictorTests {
  private let all = "Parallel(debian-section, debian-facets, truecase, wordnet-domain)"

  @Test func `Two adapters answer differently, and the same one twice answers alike`() throws {
    let section = try Shipped.predictor("debian-section", heads: ["debian-section"]).predict(texts)
    let other = try Shipped.predictor("wordnet-domain", heads: ["debian-section"]).predict(texts)
    let again = try Shipped.predictor("debian-section", heads: ["debian-section"]).predict(texts)
    #expect(section.map { $0.json(allScores: true) } != other.map { $0.json(allScores: true) })
    #expect(section.map { $0.json(allScores: true) } == again.map { $0.json(allScores: true) })
  }

  @Test func `Under Parallel every text has the answers that each adapter gives alone`() throws {
    let together = try Shipped.predictor(all).predict(texts)
    #expect(together.map { $0.answers.map(\.head) } == texts.map { _ in Shipped.names })
    for name in Shipped.names {
      let alone = try Shipped.predictor(name).predict(texts)
      #expect(alone.map { $0[head: name] } == together.map { $0[head: name] }, "\(name)")
    }
  }

  @Test func `Texts with adapters of their own have the answers of single runs`() throws {
    let setups = Shipped.names + ["Stack(wordnet-domain, debian-section)", "Parallel(truecase, debian-facets)"]
    let inputs = try (0..<3).flatMap { round in
      try setups.enumerated().map { index, setup in
        TextInput(
          texts[(index + round) % texts.count], setup: try Composition(setup), index: round * setups.count + index)
      }
    }
    let mixed = try Shipped.predictor("debian-section").predict(inputs)
    #expect(Set(mixed.map { $0.answers.map(\.head) }).count == 5)
    for (prediction, input) in zip(mixed, inputs) {
      let single = try Shipped.predictor(input.setup?.description).predict([input])
      #expect(prediction.json(allScores: true) == single[0].json(allScores: true))
    }
  }

  @Test(arguments: [1, 40, 300, 100_000])
  func `Answers keep their order and their bits, whatever the size of batches`(_ tokens: Int) throws {
    let many = (0..<120).map { texts[$0 * 7 % texts.count] + " \($0)" }
    let whole = try Shipped.predictor(all).predict(many)
    var predictor = try Shipped.predictor(all)
    predictor.batchTokens = tokens
    let predictions = try predictor.predict(many)
    #expect(predictions.map(\.input.text) == many)
    #expect(predictions.map(\.input.index) == Array(0..<120))
    #expect(predictions.map { $0.answers.map(\.answer) } == whole.map { $0.answers.map(\.answer) })
  }

  @Test func `A branch without a head is left out`() throws {
    var model = try Shipped.model.get()
    try model.addAdapter("plain", configuration: "lora")
    try model.setActiveAdapters(Composition("Parallel(truecase, plain, debian-section)"))
    let predictor = try Predictor(model, Shipped.tokenizer.get())
    #expect(predictor.answeringHeads == ["truecase", "debian-section"])
    let alone = try Shipped.predictor("truecase").predict(["a word"])
    #expect(try predictor.predict(["a word"])[0][head: "truecase"] == alone[0][head: "truecase"])
  }

  @Test func `A head that all branches share gives way to their own`() throws {
    let predictor = try Shipped.predictor("Stack(truecase, Parallel(wordnet-domain, debian-section))")
    #expect(predictor.answeringHeads == ["wordnet-domain", "debian-section"])
    #expect(try Shipped.predictor("Stack(truecase, wordnet-domain)").answeringHeads == ["wordnet-domain"])
  }

  @Test func `Heads that are named choose their branches`() throws {
    #expect(try Shipped.predictor(all, heads: ["truecase"]).answeringHeads == ["truecase"])
    #expect(
      try Shipped.predictor("Parallel(truecase, debian-section)", heads: ["wordnet-domain", "debian-facets"])
        .answeringHeads == ["wordnet-domain", "debian-facets"])
    #expect(
      message { _ = try Shipped.predictor("Parallel(truecase, debian-section)", heads: ["wordnet-domain"]) } != nil)
  }

  private func headless() throws -> Predictor {
    var model = try Shipped.model.get()
    try model.deleteHead("default")
    return try Predictor(model, Shipped.tokenizer.get())
  }

  @Test func `A text's own adapter answers it where no adapter is active`() throws {
    let predictor = try headless()
    #expect(predictor.answeringHeads.isEmpty)
    let folder = try TemporaryFolder()
    let lines = [
      #"{"text": "a word", "adapter": "truecase"}"#, #"{"text": "a word"}"#,
      #"{"text": "a word", "adapter": "Stack(truecase, debian-section)"}"#,
    ]
    let path = try folder.write(lines.joined(separator: "\n"), as: "t.jsonl")
    var outcomes: [Result<Prediction, UnansweredText>] = []
    try predictor.predict(TextSource(path: path)) { outcomes += $0 }
    let expected = try Shipped.predictor("truecase").predict(["a word"])[0]
    #expect(try outcomes[0].get()[head: "truecase"] == expected[head: "truecase"])
    #expect(message { _ = try outcomes[1].get() }?.hasPrefix("line 2: No head answers") == true)
    #expect(try outcomes[2].get().answers.map(\.head) == ["debian-section"])
  }

  @Test func `Texts that cannot name adapters are refused at once where no head answers`() throws {
    let predictor = try headless()
    let folder = try TemporaryFolder()
    let path = try folder.write("a\nb\nc\n", as: "t.txt")
    let error = #expect(throws: PredictionError.self) {
      try predictor.predict(TextSource(path: path)) { _ in Issue.record("an answer") }
    }
    #expect(error?.description.hasPrefix("No head answers") == true)
    #expect(throws: PredictionError.self) { try predictor.predict(["a", "b"]) }
  }

  @Test func `What cannot answer is refused before any text is read`() throws {
    #expect(
      message { try headless().requireHead() }
        == "No head answers: no adapter is active, and the base model has no head of its own. Choose what acts with "
        + "--setup: \"debian-facets\", \"debian-section\", \"truecase\", \"wordnet-domain\". Name heads with "
        + "--active-heads: debian-facets, debian-section, truecase, wordnet-domain.")
    #expect(
      message { _ = try Shipped.predictor("BatchSplit(truecase, debian-section, batch_sizes=[1, 1])") }
        == "BatchSplit has no meaning for texts that come one by one: it counts the rows of a batch. Name each text's "
        + "adapter instead.")
    #expect(
      message { _ = try Shipped.predictor("truecase", heads: ["truecas"]) }
        == "No head is called 'truecas'; did you mean 'truecase'?")
  }

  @Test func `A head with one output gives a value`() throws {
    var model = try Shipped.model.get()
    try model.addHead("length", HeadSettings(.classification, labels: ["length"]), seed: 3)
    try model.setActiveAdapters(.adapter("truecase"))
    model.activeHeads = ["length"]
    let prediction = try Predictor(model, Shipped.tokenizer.get()).predict(["a"])[0]
    guard case .value(let value) = prediction[head: "length"] else {
      Issue.record("no value")
      return
    }
    #expect(prediction.json() == #"{"index": 0, "text": "a", "heads": {"length": {"value": \#(value)}}}"#)
  }

  @Test func `Tokens are cut off only when asked, and counted`() throws {
    let long = String(repeating: "word ", count: 50)
    var predictor = try Shipped.predictor("wordnet-domain")
    let whole = try predictor.predict([long, "short"])
    #expect(whole.map(\.truncatedTokens) == [0, 0])
    #expect(!whole[0].json().contains("truncated"))
    predictor.maximumLength = 12
    let cut = try predictor.predict([long, "short"])
    #expect(cut.map(\.tokenCount) == [12, whole[1].tokenCount])
    #expect(cut.map(\.truncatedTokens) == [whole[0].tokenCount - 12, 0])
    #expect(cut[0].json().hasSuffix(#""truncated": \#(whole[0].tokenCount - 12)}"#))
  }

  @Test func `A model with absolute positions refuses longer texts and advises a maximum length`() throws {
    let folder = try TemporaryFolder()
    let source = Fixtures.base("abs")
    for name in ["config.json", "model.safetensors"] {
      try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: folder.path(name))
    }
    try FileManager.default.copyItem(atPath: Shipped.base + "/spm.model", toPath: folder.path("spm.model"))
    var model = try DebertaV2AdapterModel(folder: folder.path, compute: Shipped.compute)
    try model.addHead("default", HeadSettings(.classification, labels: ["a", "b"]))
    let limit = model.configuration.maximumPositions
    let predictor = try Predictor(model, Shipped.tokenizer.get())
    #expect(
      message { _ = try predictor.encode(TextInput(String(repeating: "the ", count: limit))) }
        == "The text has \(limit + 2) tokens, but this model has positions for \(limit); cut it with --max-length \(limit)."
    )
    var cutting = predictor
    cutting.maximumLength = limit
    #expect(try cutting.encode(TextInput(String(repeating: "the ", count: limit))).ids.count == limit)
  }

  @Test func `A text that cannot be answered does not keep the others from it`() throws {
    var predictor = try Shipped.predictor("wordnet-domain")
    predictor.load = { setup, _ in throw WorkspaceError.unknownAdapter(name: setup.last, model: "m", nearest: []) }
    let inputs = try [
      TextInput("one"), TextInput("two", setup: Composition("nobody"), index: 1), TextInput("three", index: 2),
    ]
    var outcomes: [Result<Prediction, UnansweredText>] = []
    try predictor.predict(TextSource(inputs)) { outcomes += $0 }
    #expect(outcomes.map { (try? $0.get())?.input.text } == ["one", nil, "three"])
    #expect(
      message { _ = try outcomes[1].get() }
        == "line 2: No adapter is called 'nobody', neither among those given with --adapter nor among those registered "
        + "for m.")
    #expect(try predictor.predict([] as [String]).isEmpty)
  }

  @Test func `Several tasks with one predictor answer as one after the other`() async throws {
    let predictors = try Shipped.names.map { try Shipped.predictor($0) }
    let expected = try predictors.map { try $0.predict(texts).map { $0.json(allScores: true) } }
    try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
      for round in 0..<3 * predictors.count {
        let predictor = predictors[round % predictors.count]
        group.addTask { (round % 4, try predictor.predict(texts).map { $0.json(allScores: true) }) }
      }
      for try await (index, found) in group { #expect(found == expected[index]) }
    }
  }
}

@Suite struct AnswerTests {
  @Test func `A label has the largest probability, and all sum to 1`() throws {
    let prediction = try Shipped.predictor("wordnet-domain").predict(["a small animal"])[0]
    guard case .label(let best, let all) = prediction[head: "wordnet-domain"] else {
      Issue.record("no label")
      return
    }
    #expect(best.score == all.map(\.score).max())
    #expect(abs(all.reduce(0) { $0 + $1.score } - 1) < 1e-5)
    #expect(all.count == 45)
  }

  @Test func `Spans are the words of the text, in scalars as Python counts`() throws {
    let text = "  été\u{2003}日本語 😀x\u{1F}naïve e\u{301}\n"
    let prediction = try Shipped.predictor("truecase").predict([text])[0]
    guard case .words(let spans) = prediction[head: "truecase"] else {
      Issue.record("no spans")
      return
    }
    // [(m.start(), m.end()) for m in re.finditer(r'\S+', text)]
    #expect(spans.map(\.range) == [2..<5, 6..<9, 10..<12, 13..<18, 19..<21])
    #expect(spans.map(\.text) == ["été", "日本語", "😀x", "naïve", "e\u{301}"])
  }

  @Test func `Words without a token have no span`() throws {
    var predictor = try Shipped.predictor("truecase")
    predictor.maximumLength = 4
    let prediction = try predictor.predict(["the cat sat on the mat"])[0]
    guard case .words(let spans) = prediction[head: "truecase"] else {
      Issue.record("no spans")
      return
    }
    #expect(spans.map(\.text) == ["the", "cat"])
  }
}
