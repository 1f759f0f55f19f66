import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// Answers that a head for questions finds in a context, and choices.
@Suite struct QuestionTests {
  private static let questions = [
    ("Who wrote it?", "Mary Shelley wrote it in 1818, near Genève, in a summer without sun."),
    ("was für ein Tag", "Ein  schöner\u{2003}Tag — 日本語 😀 naïve e\u{301}n\n"),
    ("a question that is longer than what answers it", "a"),
    ("how long?", String(repeating: "some more words in a longer line of text ", count: 5)),
  ]

  /// The shipped model with fresh heads, and a prompt of three tokens.
  private func predictor(
    _ setup: String?, heads: [String], seed: UInt64 = 1, options: QuestionOptions = .evaluation
  ) throws -> Predictor {
    var model = try Shipped.model.get()
    try model.addHead("span", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: seed)
    try model.addHead("pick", HeadSettings(.multipleChoice, labels: ["first", "second"]), seed: seed)
    try model.addAdapter("prompt", configuration: "prompt_tuning[prompt_length=3]", seed: seed)
    try model.setActiveAdapters(setup.map { try Composition($0) })
    model.activeHeads = heads
    var all = AnswerOptions()
    all.questions = options
    return try Predictor(model, Shipped.tokenizer.get(), options: all)
  }

  private func logits(_ predictor: Predictor, _ encoding: Encoding, head: String) throws -> Tensor {
    let output = try predictor.model(Batch([encoding.ids], tokenTypes: [encoding.tokenTypeIDs]))
    return try #require(output.heads[head]).logits(row: 0)
  }

  private func answer(_ prediction: Prediction) throws -> ContextAnswer {
    guard case .answer(let answer, _) = prediction[head: "span"] else { throw Unexpected() }
    return answer
  }

  private struct Unexpected: Error {}

  /// The answer with the largest product of both probabilities, by trying all.
  private func best(_ logits: Tensor, _ encoding: Encoding) -> (range: Range<Int>?, score: Double) {
    let context = encoding.ids.indices.filter { encoding.sequence[$0] == 1 }
    func shares(_ column: Int) -> [Int: Double] {
      let powers = ([0] + context).map { exp(Double(logits[$0, column])) }
      return Dictionary(uniqueKeysWithValues: zip([0] + context, powers.map { $0 / powers.reduce(0, +) }))
    }
    let (starts, ends) = (shares(0), shares(1))
    var best: (range: Range<Int>?, score: Double) = (nil, starts[0, default: 0] * ends[0, default: 0])
    for start in context {
      for end in context where end >= start && end < start + 30 {
        let score = starts[start, default: 0] * ends[end, default: 0]
        if score > best.score {
          best = (encoding.offsets[start].lowerBound..<encoding.offsets[end].upperBound, score)
        }
      }
    }
    return best
  }

  @Test(arguments: [nil, "truecase", "prompt"])
  func `The answer is the likeliest part of the context`(_ setup: String?) throws {
    let predictor = try predictor(setup, heads: ["span"])
    let inputs = Self.questions.enumerated().map { TextInput($1.0, pair: $1.1, index: $0) }
    for (input, prediction) in zip(inputs, try predictor.predict(inputs)) {
      let (encoding, answer) = (try predictor.encode(input), try answer(prediction))
      var logits = try logits(predictor, encoding, head: "span")
      #expect(logits.rows == encoding.ids.count + (setup == "prompt" ? 3 : 0))
      logits = logits.rows(logits.rows - encoding.ids.count..<logits.rows)
      let expected = best(logits, encoding)
      #expect(answer.range == expected.range)
      #expect(abs(Double(answer.score) - expected.score) < 1e-6)
      let scalars = Array((input.pair ?? "").unicodeScalars)
      #expect(answer.text == String(String.UnicodeScalarView(scalars[answer.range ?? 0..<0])))
    }
  }

  @Test(arguments: [("", "it was me", "question"), ("who?", "", "context"), ("who?", " \n", "context")])
  func `A question or a context without a word is refused`(_ question: String, _ context: String, _ part: String) throws
  {
    let predictor = try predictor(nil, heads: ["span"])
    #expect(
      message { _ = try predictor.predict([TextInput(question, pair: context)]) }
        == "line 1: The \(part) is empty, so there is nothing to answer.")
  }

  @Test func `Another head finds other answers, and a prompt's rows are none of the context's`() throws {
    let inputs = Self.questions.map { TextInput($0.0, pair: $0.1) }
    func answers(_ setup: String?, _ seed: UInt64) throws -> [ContextAnswer] {
      try predictor(setup, heads: ["span"], seed: seed).predict(inputs).map(answer)
    }
    #expect(try answers(nil, 1) != answers(nil, 2))
    let prompted = try predictor("prompt", heads: ["span"])
    let encoding = try prompted.encode(inputs[0])
    let unshifted = try best(logits(prompted, encoding, head: "span").rows(0..<encoding.ids.count), encoding)
    #expect(try answers("prompt", 1)[0].range != unshifted.range)
  }

  /// Questions that training could read, with some answers.
  private func lines(_ answers: [ContextAnswer]) -> String {
    zip(Self.questions, answers).map { question, answer in
      JSONValue.object([
        "question": .string(question.0), "context": .string(question.1),
        "answers": .object([
          "text": .array(answer.range == nil ? [] : [.string(answer.text)]),
          "answer_start": .array(answer.range.map { [.integer($0.lowerBound)] } ?? []),
        ]),
      ]).line
    }.joined(separator: "\n")
  }

  @Test(arguments: [nil, "prompt"], [nil, 22])
  func `Evaluation judges the very answers that are predicted`(_ setup: String?, _ limit: Int?) throws {
    let folder = try TemporaryFolder()
    var predictor = try predictor(setup, heads: ["span"])
    predictor.maximumLength = limit
    let predictions = try predictor.predict(Self.questions.map { TextInput($0.0, pair: $0.1) })
    let found = try predictions.map(answer)
    #expect(found.contains { !$0.text.isEmpty })
    #expect(predictions.contains { $0.tokenCount > $0.longestSequence } == (limit != nil))
    #expect(predictions.allSatisfy { $0.truncatedTokens == 0 })
    func exactMatch(_ answers: [ContextAnswer]) throws -> Double? {
      let path = try folder.write(lines(answers), as: "questions.jsonl")
      let results = try HeadEvaluation(data: path, maximumLength: limit).results(
        of: predictor.model, Shipped.tokenizer.get())
      return results[0].result["exact_match"]
    }
    #expect(try exactMatch(found) == 1)
    let whole = Self.questions.map { ContextAnswer(range: 0..<1, text: String($0.1.prefix(1)), score: 1) }
    #expect(try exactMatch(whole) ?? 1 < 1)
    // The lines of the evaluation are answered as they are.
    let path = try folder.write(lines(found), as: "questions.jsonl")
    var again: [ContextAnswer] = []
    try predictor.predict(TextSource(path: path)) { again += try $0.map { try answer($0.get()) } }
    #expect(again == found)
  }

  @Test func `A question has windows over its context, and other heads read what they read alone`() throws {
    let question = "what is it, and who wrote it in a summer without sun"
    let input = TextInput(question, pair: "it is a small library for reading files, and a writer")
    var predictor = try predictor(nil, heads: ["span", "wordnet-domain"])
    let taken = try predictor.encode(TextInput(question)).ids.count
    predictor.maximumLength = taken + 4
    let other = try predictor.encode(input)
    #expect(other.sequence.count { $0 == 0 } < taken - 2)
    let prediction = try predictor.predict([input])[0]
    let windows = try TextWindows(
      question: question, context: input.pair ?? "", Shipped.tokenizer.get(), maximumLength: taken + 4
    ).encodings
    #expect(windows.count > 2 && windows.allSatisfy { $0.ids.count <= taken + 4 })
    #expect(prediction.tokenCount == windows.reduce(other.ids.count) { $0 + $1.ids.count })
    for name in ["span", "wordnet-domain"] {
      var alone = try self.predictor(nil, heads: [name])
      let uncut = try alone.predict([input])[0]
      alone.maximumLength = taken + 4
      let own = try alone.predict([input])[0]
      #expect(own[head: name] == prediction[head: name] && own[head: name] != uncut[head: name], "\(name)")
    }
  }

  @Test func `A question that leaves no room for its context is told`() throws {
    var predictor = try predictor(nil, heads: ["span"])
    let taken = try predictor.encode(TextInput("who wrote it?")).ids.count
    predictor.maximumLength = 3
    let none = predictor
    #expect(
      message { _ = try none.predict([TextInput("who wrote it?", pair: "it was me")]) }
        == "line 1: the question takes \(taken + 1) tokens with its specials, and leaves no room for the context in 3. "
        + "Raise the maximum length: --max-length, or max_seq_len in a request.")
    predictor.maximumLength = taken + 2
    #expect(try predictor.predict([TextInput("who wrote it?", pair: "it was me")])[0].longestSequence == taken + 2)
  }

  @Test func `A context without tokens has no answer`() throws {
    // Of control characters the tokenizer leaves nothing.
    let prediction = try predictor(nil, heads: ["span"]).predict([TextInput("who?", pair: "\u{1}")])[0]
    #expect(try answer(prediction) == ContextAnswer(range: nil, text: "", score: 1))
    #expect(prediction.json().hasSuffix(#""heads": {"span": {"answer": "", "start": 0, "end": 0, "score": 1.0}}}"#))
  }

  @Test func `An answer is a line of JSON`() throws {
    let prediction = try predictor(nil, heads: ["span"]).predict([TextInput("who?", pair: "it was \"me\"")])[0]
    let answer = try answer(prediction)
    let range = try #require(answer.range)
    let score = (Double(answer.score) * 1e6).rounded() / 1e6
    #expect(
      prediction.json()
        == #"{"index": 0, "text": "who?", "pair": "it was \"me\"", "heads": {"span": {"answer": "#
        + JSONValue.string(answer.text).line
        + ", \"start\": \(range.lowerBound), \"end\": \(range.upperBound), \"score\": \(JSONValue.number(score).line)}}}"
    )
  }

  @Test(arguments: [nil, "truecase", "prompt"])
  func `A choice is the likeliest of the texts`(_ setup: String?) throws {
    let predictor = try predictor(setup, heads: ["pick"])
    let choices = ["a bird", "something else, and more of it", "", "a bird"]
    let input = TextInput("it flies", choices: choices)
    let values = try choices.map { choice in
      let encoding = try predictor.encode(TextInput("it flies", pair: choice))
      return try logits(predictor, encoding, head: "pick")[0, 0]
    }
    #expect(values[0] != values[1] && values[0] == values[3])
    guard case .choice(let best, let all) = try predictor.predict([input])[0][head: "pick"] else {
      Issue.record("no choice")
      return
    }
    #expect(best == values.firstIndex(of: values.max() ?? 0))
    #expect(all.map(\.label) == choices)
    let sum = values.reduce(0) { $0 + exp($1) }
    for (own, value) in zip(all, values) { #expect(abs(own.score - exp(value) / sum) < 1e-6) }
  }

  @Test func `Choices in another order are chosen alike, in any batch`() throws {
    let predictor = try predictor("truecase", heads: ["pick"])
    let choices = ["a bird", "something else, and more of it", "no"]
    let inputs = [choices, choices.reversed(), ["x", "y"], choices].enumerated().map {
      TextInput("it flies", choices: $1, index: $0)
    }
    let answers = try predictor.predict(inputs).map { $0[head: "pick"] }
    #expect(answers[0] == answers[3] && answers[0] != answers[1])
    guard case .choice(let best, let all) = answers[0], case .choice(let other, let reversed) = answers[1] else {
      Issue.record("no choice")
      return
    }
    #expect(other == 2 - best && all.map(\.label) == reversed.reversed().map(\.label))
    #expect(try inputs.map { try predictor.predict([$0])[0][head: "pick"] } == answers)
  }

  @Test func `Heads of all kinds answer one text together as each alone`() throws {
    let heads = ["pick", "truecase", "span", "default", "wordnet-domain"]
    let input = TextInput("a [MASK] who flies", pair: "it was me", choices: ["a bird", "a plane or so"])
    let together = try predictor("truecase", heads: heads).predict([input, input])
    #expect(together[0].answers.map(\.head) == heads)
    for name in heads {
      var own = input
      if name == "pick" { own.pair = nil }
      let alone = try predictor("truecase", heads: [name]).predict([own])[0]
      #expect(alone[head: name] == together[0][head: name] && alone[head: name] == together[1][head: name], "\(name)")
    }
  }

  @Test func `The tokens of all choices are counted, and the longest is known`() throws {
    let input = TextInput("it flies", choices: ["a bird", "something else, and more of it"])
    var predictor = try predictor(nil, heads: ["pick"])
    let counts = try input.choices.map { try predictor.encode(TextInput("it flies", pair: $0)).ids.count }
    let whole = try predictor.predict([input])[0]
    #expect(whole.tokenCount == counts.reduce(0, +) && whole.longestSequence == counts.max())
    #expect(whole.truncatedTokens == 0 && whole.isLongestWithChoice)
    predictor.maximumLength = 6
    let cut = try predictor.predict([input])[0]
    #expect(cut.tokenCount == 12 && cut.truncatedTokens == whole.tokenCount - 12 && cut.longestSequence == 6)
  }

  @Test func `A choice is a line of JSON`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      #"{"text": "it flies", "choices": ["a", "b"], "id": 7}"# + "\n" + #"{"text": "x", "choices": ["a"]}"#,
      as: "choices.jsonl")
    var lines: [String] = []
    try predictor(nil, heads: ["pick"]).predict(TextSource(path: path)) { batch in
      lines += batch.map { outcome in
        switch outcome {
        case .success(let prediction): prediction.json(allScores: true)
        case .failure(let failure): failure.description
        }
      }
    }
    #expect(
      lines[0].hasPrefix(
        #"{"index": 0, "id": 7, "text": "it flies", "choices": ["a", "b"], "heads": {"pick": {"choice": "#))
    #expect(lines[0].wholeMatch(of: /.*"choice": [01], "text": "[ab]", "score": 0\.\d+, "scores": \[0.*\]}}}/) != nil)
    #expect(
      lines[1] == "line 2: The head 'pick' chooses among texts: there must be at least two choices, found 1.")
  }
}
