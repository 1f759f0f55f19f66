import Testing
import Tokenization

@testable import Tasks
@testable import Training

@Suite struct EncodingTests {
  @Test func `Words are counted where their target is`() {
    let (predictions, targets) = Target.tokens([-100, 4, -100, 5, -100]).words([9, 4, 9, 6, 9])
    #expect(predictions == [4, 6])
    #expect(targets == [4, 5])
  }

  private func encoder(
    _ task: TrainingTask, _ labels: [String]? = nil, maximumLength: Int? = nil
  ) throws -> ExampleEncoder {
    ExampleEncoder(
      try shippedTokenizer.get(), for: task, labels: try labels.map { try LabelVocabulary($0) },
      maximumLength: maximumLength)
  }

  private func pieces(_ sequence: TokenSequence) throws -> [String] {
    let tokenizer = try shippedTokenizer.get()
    return sequence.ids.map { tokenizer.piece(of: $0) ?? "?" }
  }

  @Test func `A text with its pair is what the tokenizer makes of it`() throws {
    let data = try read(
      "{\"text\": \"a library\", \"pair\": \"of tools\", \"label\": \"y\"}", as: "d.jsonl", for: .classification)
    let dataset = try encoder(.classification, ["x", "y"]).dataset(data)
    let encoding = try shippedTokenizer.get().encode("a library", pair: "of tools")
    #expect(dataset.examples[0].sequences == [TokenSequence(encoding)])
    #expect(dataset.examples[0].sequences[0].tokenTypes.contains(1))
    #expect(dataset.examples[0].target == .label(1))
    #expect(dataset.truncation == TruncationReport())
  }

  @Test func `A question stands beside a sentence or a passage, and a sentence alone is the text`() throws {
    for (columns, pair) in [
      (#""question": "a library", "sentence": "of tools""#, "of tools"),
      (#""question": "a library", "passage": "of tools""#, "of tools"), (#""sentence": "a library""#, nil as String?),
    ] {
      let data = try read("{\(columns), \"label\": \"y\"}", as: "d.jsonl", for: .classification)
      #expect(data.examples.map(\.content) == [.text("a library", pair: pair)])
    }
  }

  @Test func `Examples need no file`() throws {
    let examples = ["a", "b c"].map { SourceExample(line: 1, content: .text($0, pair: nil), answer: .value(0.5)) }
    let dataset = try encoder(.regression).dataset(SourceData(examples, for: .regression))
    #expect(dataset.examples.map(\.target) == [.value(0.5), .value(0.5)])
    #expect(dataset.faults.records == 2)
    #expect(throws: DatasetError.empty(path: "examples")) {
      try encoder(.regression).dataset(SourceData([], for: .regression))
    }
  }

  @Test func `A maximum length without room is an error`() throws {
    let data = try read("a\n", as: "d.txt", for: .maskedLM)
    #expect(throws: DatasetError.tokenizer(.maximumLengthTooSmall(requested: 1, needed: 2))) {
      try encoder(.maskedLM, maximumLength: 1).dataset(data)
    }
  }

  @Test func `What is cut is counted`() throws {
    let text = "a small library for reading and writing"
    let data = try read("\(text)\nshort\n", as: "d.txt", for: .maskedLM)
    let count = try shippedTokenizer.get().encode(text).ids.count
    #expect(count > 6)
    let dataset = try encoder(.maskedLM, maximumLength: 6).dataset(data)
    #expect(dataset.examples.allSatisfy { $0.tokenCount <= 6 })
    #expect((dataset.truncation.examples, dataset.truncation.tokens) == (1, count - 6))
  }

  @Test func `A label that is not known stops with its line`() throws {
    let data = try read(
      "{\"text\": \"a\", \"label\": \"good\"}\n{\"text\": \"b\", \"label\": \"goood\"}", as: "d.jsonl",
      for: .classification)
    #expect(
      message { _ = try encoder(.classification, ["bad", "good"]).dataset(data) }
        == "d.jsonl, line 2: the label 'goood' is not one of the 2 that are known (bad, good); the nearest: 'good'.")
  }

  @Test func `Several labels become flags, and values stay`() throws {
    let several = try read(
      "{\"text\": \"a\", \"labels\": [\"c\", \"a\"]}", as: "d.jsonl", for: .multilabelClassification)
    #expect(
      try encoder(.multilabelClassification, ["a", "b", "c"]).dataset(several).examples[0].target
        == .labels([true, false, true]))
    let value = try read("{\"text\": \"a\", \"label\": 0.5}", as: "d.jsonl", for: .regression)
    #expect(try encoder(.regression).dataset(value).examples[0].target == .value(0.5))
  }

  @Test func `The tag of a word stands at its first token`() throws {
    let words = ["unbelievable", "cat", "(", "x.y", "日本"]
    let data = try read(
      "{\"tokens\": [\"unbelievable\", \"cat\", \"(\", \"x.y\", \"日本\"], \"tags\": [\"A\", \"B\", \"C\", \"D\", -100]}",
      as: "d.jsonl", for: .tagging)
    let example = try encoder(.tagging, ["A", "B", "C", "D"]).dataset(data).examples[0]
    let sentence = Sentence(words: words)
    let encoding = try shippedTokenizer.get().encode(sentence.text)
    var expected = [Int32](repeating: -100, count: encoding.ids.count)
    for (word, token) in sentence.firstTokens(encoding).enumerated() where word < 4 {
      expected[try #require(token)] = Int32(word)
    }
    #expect(encoding.ids.count > words.count + 4)
    #expect(example.target == .tokens(expected))
  }

  @Test func `A word of a list may have a space inside`() throws {
    let data = try read(
      "{\"tokens\": [\"New York\", \"is\"], \"tags\": [\"A\", \"B\"]}", as: "d.jsonl", for: .tagging)
    let example = try encoder(.tagging, ["A", "B"]).dataset(data).examples[0]
    guard case .tokens(let tags) = example.target else { return #expect(Bool(false)) }
    #expect(tags.filter { $0 >= 0 } == [0, 1])
    #expect(tags[1] == 0)
    #expect(try pieces(example.sequences[0])[try #require(tags.firstIndex(of: 1))] == "▁is")
  }

  @Test func `Words that are cut off are counted`() throws {
    let data = try read(
      "{\"text\": \"the cat is a cat\", \"tags\": [\"A\", \"A\", \"A\", \"A\", \"A\"]}", as: "d.jsonl", for: .tagging)
    #expect(try encoder(.tagging, ["A"]).dataset(data).truncation.words == 0)
    let dataset = try encoder(.tagging, ["A"], maximumLength: 4).dataset(data)
    guard case .tokens(let tags) = dataset.examples[0].target else { return #expect(Bool(false)) }
    #expect(tags.first == -100 && tags.last == -100)
    #expect(dataset.truncation.words == 5 - tags.count { $0 == 0 })
    #expect(dataset.truncation.words > 0)
  }

  // MARK: - Questions

  private func question(
    _ context: String, _ answer: String, maximumLength: Int? = nil
  ) throws -> (learned: TrainingDataset, evaluated: TrainingDataset) {
    let data = try read(
      "{\"question\": \"what is it\", \"context\": \"\(context)\", \"answers\": \"\(answer)\"}", as: "d.jsonl",
      for: .questionAnswering)
    let encoder = try encoder(.questionAnswering, maximumLength: maximumLength)
    return (try encoder.dataset(data), try encoder.dataset(data, for: .evaluation))
  }

  private func span(_ example: TrainingExample) throws -> ClosedRange<Int> {
    guard case .span(let start, let end) = example.target else { throw DatasetError.noMaskToken }
    return start...end
  }

  /// What a head that is sure of a span would answer.
  private func text(_ span: ClosedRange<Int>, _ context: QuestionContext, window: Int = 0) -> String {
    func logits(_ token: Int) -> [[Float]] {
      context.windows.indices.map { own in
        context.windows[own].indices.map { $0 == (own == window ? token : 0) ? 9 : 0 }
      }
    }
    return context.answers(starts: logits(span.lowerBound), ends: logits(span.upperBound), .evaluation)[0].text
  }

  @Test(arguments: ["a small library", "library", "for reading files", "naïve — 日本"])
  func `The tokens of the answer give the answer back`(_ answer: String) throws {
    let (learned, evaluated) = try question("it is a small library for reading files — naïve — 日本", answer)
    let span = try span(learned.examples[0])
    #expect(span.lowerBound > 0)
    #expect(learned.examples[0].sequences[0].tokenTypes[span].allSatisfy { $0 == 1 })
    #expect(text(span, evaluated.questions[0]) == answer)
    #expect(evaluated.questions[0].answers == [answer])
    #expect(text(0...0, evaluated.questions[0]) == "")
  }

  @Test func `A long context is read in windows, and each window that holds the answer learns it`() throws {
    let context = "it is a small library for reading files and a writer of other files too"
    let whole = try question(context, "a writer").learned.examples[0].sequences[0].ids.count
    let (learned, evaluated) = try question(context, "a writer", maximumLength: whole - 4)
    let windows = evaluated.examples[0].sequences
    #expect(evaluated.examples.count == 1 && windows.count > 1)
    #expect(windows.allSatisfy { $0.ids.count <= whole - 4 && $0.ids.last == windows[0].ids.last })
    // The shared tokens are in both windows, and no token of the context is lost.
    let last = windows[windows.count - 1]
    #expect(try question(context, "a writer").learned.examples[0].sequences[0].ids.suffix(4) == last.ids.suffix(4))
    #expect((learned.truncation.answered, learned.truncation.answers) == (1, 0))
    let spans = try learned.examples.map(span)
    #expect(spans.contains { $0.lowerBound > 0 })
    for (example, span) in zip(learned.examples, spans) where span.lowerBound > 0 {
      let window = try #require(windows.firstIndex(of: example.sequences[0]))
      #expect(text(span, evaluated.questions[0], window: window) == "a writer")
    }
  }

  @Test func `An answer that no window holds is counted, and never learned as no answer`() throws {
    let context = "it is a small library for reading files and a writer of other files too"
    let answer = "small library for reading files and a writer"
    #expect(try question(context, answer).learned.examples.count == 1)
    #expect(
      message { _ = try question(context, answer, maximumLength: 12) }
        == "d.jsonl: 1 of 1 answers were cut off: no window of 12 tokens holds one whole. Make windows longer with "
        + "--max-length.")
    let data = try read(
      """
      {"question": "what is it", "context": "\(context)", "answers": "\(answer)"}
      {"question": "what is it", "context": "\(context)", "answers": "files"}
      {"question": "what is it", "context": "\(context)", "answers": []}
      """, as: "d.jsonl", for: .questionAnswering)
    let encoder = try encoder(.questionAnswering, maximumLength: 12)
    let learned = try encoder.dataset(data)
    #expect((learned.truncation.answered, learned.truncation.answers) == (2, 1))
    #expect(Set(learned.lines) == [2, 3])
    // As many windows without the answer as with it; without any answer all windows have none.
    let spans = try zip(learned.lines, learned.examples).map { ($0, try span($1)) }
    let second = spans.filter { $0.0 == 2 }.map(\.1)
    #expect(second.count { $0 == 0...0 } <= second.count { $0 != 0...0 })
    #expect(spans.filter { $0.0 == 3 }.allSatisfy { $0.1 == 0...0 })
    let evaluated = try encoder.dataset(data, for: .evaluation)
    #expect(evaluated.examples.count == 3 && evaluated.truncation.answers == 1)
    #expect(evaluated.questions.map(\.answers) == [[answer], ["files"], []])
  }

  @Test func `A question that leaves no room is a fault`() throws {
    #expect(
      message { _ = try question("it is", "it", maximumLength: 5) }
        == "d.jsonl: 1 of 1 records cannot be used. The first:\n  d.jsonl, line 1: the question takes 6 tokens "
        + "with its specials, and leaves no room for the context in 5. Raise the maximum "
        + "length: --max-length, or max_seq_len in a request.")
  }

  // MARK: - Choices

  @Test func `Every choice is a sequence of its own`() throws {
    let data = try read(
      """
      {"question": "a cat", "choices": ["is", "small"], "label": 1}
      {"question": "a cat", "choices": ["is", "small", "x"], "label": 1}
      """, as: "d.jsonl", for: .multipleChoice)
    let dataset = try encoder(.multipleChoice).dataset(data)
    let tokenizer = try shippedTokenizer.get()
    #expect(
      dataset.examples == [
        TrainingExample(
          sequences: try ["is", "small"].map { TokenSequence(try tokenizer.encode("a cat", pair: $0)) },
          target: .choice(1))
      ])
    #expect(dataset.faults.first.map(\.reason) == ["there must be 2 choices, found 3."])
    #expect(dataset.lines == [1])
  }

  @Test func `Labels are counted`() throws {
    let data = try read(
      "{\"text\": \"a b c\", \"tags\": [\"A\", \"B\", \"A\"]}", as: "d.jsonl", for: .tagging)
    #expect(try encoder(.tagging, ["A", "B"]).dataset(data).labelCounts(2) == [2, 1])
  }
}
