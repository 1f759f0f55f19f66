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
  private func predictor(_ setup: String?, heads: [String], seed: UInt64 = 1) throws -> Predictor {
    var model = try Shipped.model.get()
    try model.addHead("span", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: seed)
    try model.addHead("pick", HeadSettings(.multipleChoice, labels: ["first", "second"]), seed: seed)
    try model.addAdapter("prompt", configuration: "prompt_tuning[prompt_length=3]", seed: seed)
    try model.setActiveAdapters(setup.map { try Composition($0) })
    model.activeHeads = heads
    return try Predictor(model, Shipped.tokenizer.get())
  }

  private func logits(_ predictor: Predictor, _ encoding: Encoding, head: String) throws -> Tensor {
    let output = try predictor.model(Batch([encoding.ids], tokenTypes: [encoding.tokenTypeIDs]))
    return try #require(output.heads[head]).logits(row: 0)
  }

  private func answer(_ prediction: Prediction) throws -> ContextAnswer {
    guard case .answer(let answer) = prediction[head: "span"] else { throw Unexpected() }
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

  @Test(arguments: [nil, "prompt"])
  func `Evaluation judges the very answers that are predicted`(_ setup: String?) throws {
    let folder = try TemporaryFolder()
    let predictor = try predictor(setup, heads: ["span"])
    let found = try predictor.predict(Self.questions.map { TextInput($0.0, pair: $0.1) }).map(answer)
    #expect(found.contains { !$0.text.isEmpty })
    func exactMatch(_ answers: [ContextAnswer]) throws -> Double? {
      let lines = zip(Self.questions, answers).map { question, answer in
        JSONValue.object([
          "question": .string(question.0), "context": .string(question.1),
          "answers": .object([
            "text": .array(answer.range == nil ? [] : [.string(answer.text)]),
            "answer_start": .array(answer.range.map { [.integer($0.lowerBound)] } ?? []),
          ]),
        ]).line
      }
      let path = try folder.write(lines.joined(separator: "\n"), as: "questions.jsonl")
      let results = try HeadEvaluation(data: path).results(
        of: predictor.model, Shipped.tokenizer.get(), folder: Shipped.base)
      return results[0].result["exact_match"]
    }
    #expect(try exactMatch(found) == 1)
    let whole = Self.questions.map { ContextAnswer(range: 0..<1, text: String($0.1.prefix(1)), score: 1) }
    #expect(try exactMatch(whole) ?? 1 < 1)
  }

  @Test func `A context without tokens has no answer`() throws {
    let prediction = try predictor(nil, heads: ["span"]).predict([TextInput("who?", pair: "")])[0]
    #expect(try answer(prediction) == ContextAnswer(range: nil, text: "", score: 1))
    #expect(
      prediction.json()
        == #"{"index": 0, "text": "who?", "pair": "", "heads": {"span": {"answer": "", "start": 0, "end": 0, "score": 1.0}}}"#
    )
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

  @Test func `What a head is not given is told for its line, and the others are answered`() throws {
    let inputs = [
      TextInput("who?"), TextInput("who?", pair: "me", index: 1),
      TextInput("who?", pair: "me", choices: ["a", "b"], index: 2),
    ]
    func outcomes(_ heads: [String]) throws -> [String?] {
      var outcomes: [String?] = []
      try predictor(nil, heads: heads).predict(TextSource(inputs)) { batch in
        outcomes += batch.map { outcome in message { _ = try outcome.get() } }
      }
      return outcomes
    }
    let context = """
      line 1: The head 'span' answers questions from a context; give it as the pair: {"text": "the question", \
      "pair": "the context"}.
      """
    #expect(try outcomes(["span"]) == [context, nil, nil])
    let choices = """
      The head 'pick' chooses among texts; give them beside the question: {"text": "the question", "choices": \
      ["one", "another"]}.
      """
    #expect(try outcomes(["pick"]) == ["line 1: " + choices, "line 2: " + choices, nil])
    #expect(try outcomes(["span", "pick"]) == [context, "line 2: " + choices, nil])
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
      let alone = try predictor("truecase", heads: [name]).predict([input])[0]
      #expect(alone[head: name] == together[0][head: name] && alone[head: name] == together[1][head: name], "\(name)")
    }
  }

  @Test func `The tokens of all choices are counted, and the longest is known`() throws {
    let input = TextInput("it flies", choices: ["a bird", "something else, and more of it"])
    var predictor = try predictor(nil, heads: ["pick"])
    let counts = try input.choices.map { try predictor.encode(TextInput("it flies", pair: $0)).ids.count }
    let whole = try predictor.predict([input])[0]
    #expect(whole.tokenCount == counts.reduce(0, +) && whole.longestSequence == counts.max())
    #expect(whole.truncatedTokens == 0)
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
    #expect(lines[1] == "line 2: 'choices' is a list of 1; expected at least two texts.")
  }
}
