import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// What the options of a predictor make of texts, with the shipped model and fresh heads.
@Suite struct AnswerOptionsTests {
  private func predictor(
    heads: [String], batchTokens: Int = 2048, _ change: (inout AnswerOptions) throws -> Void = { _ in }
  ) throws -> Predictor {
    var model = try Shipped.model.get()
    try model.addHead("span", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: 3)
    try model.addHead(
      "nli", HeadSettings(.classification, labels: ["contradiction", "neutral", "entailment"]), seed: 3)
    try model.addHead("ner", HeadSettings(.tagging, labels: ["O", "B-X", "I-X"]), seed: 3)
    model.activeHeads = heads
    var options = AnswerOptions()
    try change(&options)
    var predictor = try Predictor(model, Shipped.tokenizer.get(), options: options)
    predictor.batchTokens = batchTokens
    return predictor
  }

  // MARK: - Several contexts

  @Test func `Of several contexts the best answer names its context`() throws {
    let predictor = try predictor(heads: ["span"]) { $0.questions.topK = 3 }
    let contexts = ["it was me", "nobody knows who wrote it in the end", "a man"]
    let input = TextInput("who?", contexts: contexts)
    guard case .answer(let best, let all) = try predictor.predict([input])[0][head: "span"] else {
      Issue.record("no answer")
      return
    }
    let alone = try contexts.map { context -> ContextAnswer in
      guard case .answer(let best, _) = try predictor.predict([TextInput("who?", pair: context)])[0][head: "span"]
      else {
        throw Unexpected()
      }
      return best
    }
    let expected = try #require(alone.indices.max { alone[$0].score < alone[$1].score })
    #expect(best.context == expected && best.text == alone[expected].text && best.range == alone[expected].range)
    #expect(alone.allSatisfy { $0.context == nil })
    #expect(all.count == 3 && all[0] == best)
    #expect(all.map(\.score) == all.map(\.score).sorted(by: >))
    let json = try predictor.predict([input])[0].json(ranking: true)
    #expect(json.contains("\"contexts\": [\"it was me\"") && json.contains("\"context\": \(expected), "))
  }

  private struct Unexpected: Error {}

  @Test(arguments: [
    #"{"question": "who?", "contexts": ["a", "b"]}"#, #"{"question": "who?", "context": ["a", "b"]}"#,
    #"{"text": "who?", "contexts": ["a", "b"]}"#,
  ])
  func `A list of contexts is read from a line`(_ line: String) throws {
    let input = try TextInput(json: Array(line.utf8), index: 0)
    #expect(input.text == "who?" && input.contexts == ["a", "b"] && input.pair == nil)
  }

  @Test func `Contexts that no head reads are refused`() throws {
    let predictor = try predictor(heads: ["nli"])
    #expect(
      message { _ = try predictor.predict([TextInput("who?", contexts: ["a"])]) }?.contains("'nli' does not") == true)
    #expect(throws: ConfigurationError.self) {
      _ = try TextInput(json: Array(#"{"question": "a", "context": []}"#.utf8), index: 0)
    }
  }

  // MARK: - Zero-shot

  @Test func `Candidate labels are scored by what a text entails, and other heads answer as before`() throws {
    let options = try ZeroShotOptions(candidateLabels: ["sport", "food"], hypothesisTemplate: "It is {}.")
    let predictor = try predictor(heads: ["nli", "ner"]) { $0.zeroShot = options }
    let prediction = try predictor.predict(["a small library"])[0]
    guard case .zeroShot(let labels) = prediction[head: "nli"] else {
      Issue.record("no labels")
      return
    }
    let outputs = try ["It is sport.", "It is food."].map { hypothesis in
      let encoding = try predictor.tokenizer.encode("a small library", pair: hypothesis)
      let output = try predictor.model(Batch([encoding.ids], tokenTypes: [encoding.tokenTypeIDs]), heads: ["nli"])
      return try #require(output.heads["nli"]).logits(row: 0).array
    }
    let head = try #require(predictor.model.head("nli"))
    let places = try #require(EntailmentOutputs(head.settings))
    #expect(Answer(zeroShot: outputs, places, options) == .zeroShot(labels))
    #expect(labels[0].score > labels[1].score)
    #expect(try self.predictor(heads: ["ner"]).predict(["a small library"])[0][head: "ner"] == prediction[head: "ner"])
  }

  @Test func `Of a long text the hypothesis is never cut`() throws {
    var predictor = try predictor(heads: ["nli"]) {
      $0.zeroShot = try ZeroShotOptions(candidateLabels: ["sport"])
    }
    let text = String(repeating: "some more words ", count: 30)
    let hypothesis = try predictor.tokenizer.encode("", pair: "This example is sport.").ids.count
    predictor.maximumLength = hypothesis + 4
    let prediction = try predictor.predict([text])[0]
    #expect(prediction.tokenCount == hypothesis + 4 && prediction.truncatedTokens > 0)
    predictor.maximumLength = hypothesis
    let none = predictor
    #expect(message { _ = try none.predict([text]) }?.hasPrefix("line 1: ") == true)
  }

  @Test func `Without a label of entailment candidate labels are refused`() throws {
    let wrong = message {
      _ = try predictor(heads: ["ner"]) { $0.zeroShot = try ZeroShotOptions(candidateLabels: ["a"]) }
    }
    #expect(wrong?.contains("the labels of 'ner' are 'O', 'B-X', 'I-X'.") == true)
  }

  // MARK: - Tagging

  @Test func `A label to be ignored that the head does not have is refused, with the nearest`() throws {
    func refusal(_ strategy: AggregationStrategy?, _ name: String) -> String? {
      message {
        _ = try predictor(heads: ["ner"]) {
          $0.tagging = TaggingOptions(aggregationStrategy: strategy, ignoreLabels: [name])
        }
      }
    }
    #expect(refusal(.simple, "X") == nil && refusal(AggregationStrategy.none, "B-X") == nil && refusal(nil, "O") == nil)
    #expect(refusal(.simple, "B-X")?.contains("has no such label here") == true)
    #expect(refusal(AggregationStrategy.none, "B-Y")?.contains("did you mean 'B-X'") == true)
  }

  @Test(arguments: [nil, AggregationStrategy.simple, .first])
  func `A long text has the same spans however many windows are run at a time`(_ strategy: AggregationStrategy?) throws
  {
    let text = (0..<900).map { "word\($0 % 17) and" }.joined(separator: " ")
    func spans(batchTokens: Int) throws -> [LabeledSpan] {
      var predictor = try predictor(heads: ["ner"], batchTokens: batchTokens) {
        $0.tagging = TaggingOptions(aggregationStrategy: strategy, stride: 16)
      }
      predictor.maximumLength = 64
      let prediction = try predictor.predict([text])[0]
      #expect(prediction.truncatedTokens == 0 && prediction.longestSequence == 64 && prediction.tokenCount > 3000)
      guard case .entities(let spans) = prediction[head: "ner"] else { throw Unexpected() }
      return spans
    }
    let many = try spans(batchTokens: 2048)
    #expect(many.count > 2 && (many.last?.range.upperBound ?? 0) > text.count / 2)
    #expect(try self.predictor(heads: ["ner"]).predict([text])[0].truncatedTokens > 0)
    let few = try spans(batchTokens: 100)
    #expect(few.map(\.range) == many.map(\.range) && few.map(\.label) == many.map(\.label))
    expectClose(few.map(\.score), many.map(\.score), .model)
  }

  @Test func `Windows that share all of their room are refused`() throws {
    var predictor = try predictor(heads: ["ner"]) { $0.tagging.stride = 6 }
    predictor.maximumLength = 8
    let narrow = predictor
    #expect(
      message { _ = try narrow.predict(["a text of more tokens than have room in one window"]) }
        == "line 1: windows cannot share 6 tokens: each has room for 6 of the text. Lower the stride (--stride), or "
        + "raise the maximum length (--max-length).")
    #expect(try narrow.predict(["a text"]).count == 1)
  }

  // MARK: - Masks

  @Test func `Targets alone are given, by their first piece if they are no piece`() throws {
    let targets = ["▁dog", "▁cat", "antidisestablishment", "▁cat"]
    let predictor = try predictor(heads: ["default"]) { $0.masks = MaskOptions(topK: 9, targets: targets) }
    guard case .masks(let masks) = try predictor.predict(["a [MASK] who plays"])[0][head: "default"] else {
      Issue.record("no masks")
      return
    }
    let ids = try predictor.tokenizer.encode("a [MASK] who plays").ids
    let output = try predictor.model(
      [ids], heads: ["default"], answering: .masks(try #require(predictor.tokenizer.maskID)))
    let shares = ScoreFunction.softmax.scores(try #require(output.heads["default"]).logits(row: 0).array)
    let pieces = try #require(masks.first).predictions
    let first = try #require(try predictor.tokenizer.encode("antidisestablishment").tokens.dropFirst().first)
    #expect(Set(pieces.map(\.piece)) == ["▁dog", "▁cat", first])
    #expect(pieces.map(\.score) == pieces.map(\.score).sorted(by: >))
    expectClose(pieces.map(\.score), pieces.map { shares[Int($0.id)] }, .model)
    #expect(options(targets).shortenedTargets(predictor.tokenizer).map(\.target) == ["antidisestablishment"])
    #expect(throws: TargetError(target: "")) { _ = try options([""]).targetIDs(predictor.tokenizer) }
  }

  private func options(_ targets: [String]) -> MaskOptions { MaskOptions(targets: targets) }

  @Test func `A filled text is the text as it stands, with a space before what begins a word`() throws {
    let predictor = try predictor(heads: ["default"]) { $0.masks.targets = ["▁cat", "s", "▁"] }
    guard case .masks(let masks) = try predictor.predict(["The[MASK] sat,  [MASK] — [MASK]."])[0][head: "default"]
    else {
      Issue.record("no masks")
      return
    }
    func filled(_ mask: Int, _ piece: String) -> String? {
      masks[mask].predictions.first { $0.piece == piece }?.filled
    }
    #expect(filled(0, "▁cat") == "The cat sat,  [MASK] — [MASK].")
    #expect(filled(1, "▁cat") == "The[MASK] sat,  cat — [MASK].")
    #expect(filled(2, "s") == "The[MASK] sat,  [MASK] —s.")
  }

  @Test func `Masks that were cut off are missed`() throws {
    var predictor = try predictor(heads: ["default"])
    predictor.maximumLength = 6
    let text = "a [MASK] of many words and then another [MASK]"
    let short = predictor
    #expect(
      message { _ = try short.predict([text]) }?.contains("has 2 masks, and only 1 of them is among the 6 tokens")
        == true)
    #expect(try short.predict(["a [MASK] of many words and then another"]).count == 1)
  }

  // MARK: - Thresholds

  @Test func `Thresholds are stored with a head, and decide where it is loaded`() throws {
    let folder = try TemporaryFolder()
    let labels = ["a", "b", "c"]
    func chosen(_ change: (inout DebertaV2AdapterModel) throws -> Void) throws -> [String] {
      var model = try Shipped.model.get()
      try model.addHead("many", HeadSettings(.multilabelClassification, labels: labels), seed: 2)
      try change(&model)
      model.activeHeads = ["many"]
      guard
        case .labels(let chosen, let all) = try Predictor(model, Shipped.tokenizer.get()).predict(["a text"])[0][
          head: "many"]
      else { throw Unexpected() }
      #expect(all.map(\.label) == labels)
      return chosen.map(\.label)
    }
    let never = try chosen { try $0.decideLabels(ofHead: "many", at: [1, 1, 1]) }
    let tuned = try chosen {
      try $0.decideLabels(ofHead: "many", at: [0, 1, 0.001])
      try $0.saveHead("many", to: folder.path("many"))
    }
    #expect(never == [] && tuned == ["a", "c"])
    #expect(try chosen { try $0.loadHead(folder.path("many")) } == tuned)
    let configuration = try String(contentsOfFile: folder.path("many/head_config.json"), encoding: .utf8)
    #expect(configuration.contains("\"thresholds\"") && configuration.contains("0.001"))
    let unknown = configuration.replacing("\"thresholds\": {", with: "\"thresholds\": {\"z\": 0.5, ")
    #expect(unknown != configuration)
    try folder.write(unknown, as: "many/head_config.json")
    #expect(message { _ = try chosen { try $0.loadHead(folder.path("many")) } }?.contains("'z'") == true)
  }

  // MARK: - Away from the caller

  @Test func `Answers that are awaited are those that are returned`() async throws {
    let predictor = try Shipped.predictor("truecase")
    let awaited = try await predictor.answers(to: texts)
    let returned = try predictor.predict(texts)
    #expect(awaited.map { $0.json(allScores: true) } == returned.map { $0.json(allScores: true) })
  }

  @Test func `A cancelled task computes no more than a batch`() async throws {
    var predictor = try Shipped.predictor("truecase")
    predictor.batchTokens = 1
    let many = predictor
    let inputs = (0..<100_000).map { TextInput("text \($0)", index: $0) }
    let task = Task { try await many.answers(to: inputs) }
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    var seen = 0
    for try await _ in many.outcomes(of: inputs) {
      seen += 1
      if seen == 3 { break }
    }
    #expect(seen == 3)
  }

  @Test func `Errors have a sentence for whoever asks Foundation`() {
    let error: any Error = PredictionError.noContext(head: "span")
    #expect(error.localizedDescription == PredictionError.noContext(head: "span").description)
    let other: any Error = ZeroShotError.templateWithoutSlot("x")
    #expect(other.localizedDescription.hasPrefix("The hypothesis template 'x' has no {}"))
  }

  @Test func `Answers are coded and decoded without loss`() throws {
    let label = ScoredLabel(label: "a", score: 0.25)
    let span = LabeledSpan(range: 1..<3, text: "bc", label: "X", score: 0.5, all: [label])
    let found = ContextAnswer(range: 1..<3, text: "bc", score: 0.5, context: 1)
    let none = ContextAnswer(range: nil, text: "", score: 0.5)
    let mask = MaskedToken(
      token: 1, predictions: [ScoredPiece(piece: nil, text: "x", id: 9, score: 0.5, filled: "x y")])
    let answers: [Answer] = [
      .label(label, all: [label]), .labels([], all: [label]), .value(0.125), .words([span]), .entities([span]),
      .masks([mask]), .answer(found, all: [found, none]), .choice(index: 0, all: [label]), .zeroShot([label]),
    ]
    let coded = try JSONEncoder().encode(answers)
    #expect(try JSONDecoder().decode([Answer].self, from: coded) == answers)
    #expect(String(decoding: try JSONEncoder().encode(answers[2]), as: UTF8.self) == #"{"value":{"value":0.125}}"#)
  }
}
