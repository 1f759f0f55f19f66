import Testing
import Tokenization

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
        == "d.jsonl, line 2: the label 'goood' is not one of the 2 that are known; the nearest: 'good'.")
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
    let encoding = try shippedTokenizer.get().encode(words.joined(separator: " "))
    var expected = [Int32](repeating: -100, count: encoding.ids.count)
    for (word, token) in encoding.firstTokens().enumerated() where word < 4 {
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
  ) throws -> (TrainingDataset, QuestionReference, Int, Int) {
    let data = try read(
      "{\"question\": \"what is it\", \"context\": \"\(context)\", \"answers\": \"\(answer)\"}", as: "d.jsonl",
      for: .questionAnswering)
    let dataset = try encoder(.questionAnswering, maximumLength: maximumLength).dataset(data, keepsReferences: true)
    guard case .span(let start, let end) = dataset.examples[0].target else { throw DatasetError.noMaskToken }
    return (dataset, dataset.questions[0], start, end)
  }

  @Test(arguments: ["a small library", "library", "for reading files", "naïve — 日本"])
  func `The tokens of the answer give the answer back`(_ answer: String) throws {
    let (dataset, reference, start, end) = try question("it is a small library for reading files — naïve — 日本", answer)
    #expect(start > 0)
    #expect(dataset.examples[0].sequences[0].tokenTypes[start...end].allSatisfy { $0 == 1 })
    #expect(reference.text(start: start, end: end) == answer)
    #expect(reference.answers == [answer])
    #expect(reference.text(start: 0, end: 0) == "")
    #expect(reference.text(start: end, end: 1000) == "")
  }

  @Test func `Only the context is cut, and an answer that is cut off is none`() throws {
    let context = "it is a small library for reading files"
    let (whole, _, _, _) = try question(context, "files")
    let length = whole.examples[0].tokenCount
    let (early, _, start, _) = try question(context, "small", maximumLength: length - 2)
    #expect(start > 0)
    #expect(early.truncation.answers == 0)
    #expect((early.truncation.examples, early.truncation.tokens) == (1, 2))
    let (late, reference, none, end) = try question(context, "reading files", maximumLength: length - 1)
    #expect((none, end) == (0, 0))
    #expect(late.truncation.answers == 1)
    #expect(reference.answers == ["reading files"])
    let (short, long) = (late.examples[0].sequences[0], whole.examples[0].sequences[0])
    #expect(short.ids == long.ids.dropLast(2) + [try shippedTokenizer.get().sepID])
    #expect(short.tokenTypes == Array(long.tokenTypes.dropLast()))
  }

  @Test func `A question that leaves no room is a fault`() throws {
    #expect(
      message { _ = try question("it is", "it", maximumLength: 5) }
        == "d.jsonl: 1 of 1 records cannot be used. The first:\n  d.jsonl, line 1: the question takes 6 tokens "
        + "with its specials, and leaves no room for the context in 5.")
  }

  @Test func `The best span has the largest sum, or none is better`() {
    let reference = QuestionReference(
      context: "a b c", offsets: [nil, nil, 0..<1, 2..<3, 4..<5, nil], answers: [])
    let starts: [Float] = [0, 9, 1, 3, 0, 0]
    let ends: [Float] = [0, 9, 4, 2, 3, 9]
    #expect(reference.bestSpan(starts: starts, ends: ends) == (3, 4))
    #expect(reference.bestSpan(starts: starts, ends: ends, limit: 1) == (2, 2))
    #expect(reference.bestSpan(starts: [7] + starts.dropFirst(), ends: ends) == (0, 0))
    #expect(reference.bestSpan(starts: [7] + starts.dropFirst(), ends: ends, allowsNone: false) == (3, 4))
    #expect(reference.text(start: 3, end: 4) == "b c")
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
