import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// What is made of the logits of tagging heads: pieces have labels, answers are whole words.
@Suite struct TagAnswerTests {
  /// The answer of a head that is sure of a label for some pieces, and of the first label for all others.
  private func answer(_ input: TextInput, _ labels: [String], _ pieces: [String: String]) throws -> Answer {
    let tokenizer = try Shipped.tokenizer.get()
    let encoding = try tokenizer.encode(input.sentence.text)
    let logits = encoding.tokens.flatMap { piece in
      labels.map { $0 == pieces[piece] ?? labels[0] ? Float(9) : 0 }
    }
    return TagDecoder(labels: labels, TaggingOptions()).answer(
      [Tensor(logits, rows: encoding.ids.count, columns: labels.count)], TextWindows(encoding), of: input.sentence)
  }

  private func entities(_ text: String, _ labels: [String], _ pieces: [String: String]) throws -> [String] {
    guard case .entities(let spans) = try answer(TextInput(text), labels, pieces) else { return ["no entities"] }
    return spans.map { "\($0.text)/\($0.label) \($0.range.lowerBound)-\($0.range.upperBound)" }
  }

  private let people = ["O", "B-PER", "I-PER", "B-LOC"]

  @Test func `A word is decided by its first piece, and an entity is whole words`() throws {
    let tokens = try Shipped.tokenizer.get().encode("unbelievable woodhouse here").tokens
    let (first, second) = (tokens[1], try #require(tokens.first { $0.hasPrefix("▁wood") }))
    let later = tokens.filter { $0 != first && $0 != second && !$0.hasPrefix("▁") && !$0.hasPrefix("[") }
    #expect(!later.isEmpty)
    #expect(
      try entities("unbelievable woodhouse here", people, [first: "B-PER", second: "I-PER"])
        == ["unbelievable woodhouse/PER 0-22"])
    // Whatever the other pieces say.
    let others = Dictionary(later.map { ($0, "B-LOC") }) { first, _ in first }
    #expect(try entities("unbelievable woodhouse here", people, others) == [])
    let all = others.merging([first: "B-PER", second: "I-PER"]) { $1 }
    #expect(
      try entities("unbelievable woodhouse here", people, all) == ["unbelievable woodhouse/PER 0-22"])
  }

  @Test func `A word that begins with the bare piece of a space is whole`() throws {
    #expect(try entities("東京 is big", people, ["▁": "B-LOC"]) == ["東京/LOC 0-2"])
    #expect(try entities("a 😀 b", people, ["▁": "B-LOC"]) == ["😀/LOC 2-3"])
  }

  @Test func `The score of an entity is the mean of its words`() throws {
    let tokenizer = try Shipped.tokenizer.get()
    let encoding = try tokenizer.encode("a b")
    var logits = [Float](repeating: 0, count: encoding.ids.count * 3)
    (logits[1 * 3 + 1], logits[2 * 3 + 2]) = (2, 5)
    let answer = TagDecoder(labels: ["O", "B-X", "I-X"], TaggingOptions()).answer(
      [Tensor(logits, rows: encoding.ids.count, columns: 3)], TextWindows(encoding), of: Sentence("a b"))
    guard case .entities(let spans) = answer else {
      Issue.record("no entities")
      return
    }
    func share(_ logit: Double) -> Double { 1 / (1 + 2 * exp(-logit)) }
    #expect(spans.count == 1)
    #expect(abs(Double(spans[0].score) - (share(2) + share(5)) / 2) < 1e-6)
  }

  @Test func `Labels that are no scheme have a span for each word`() throws {
    guard case .words(let spans) = try answer(TextInput("a b"), ["LOWER", "UPPER"], ["▁b": "UPPER"]) else {
      Issue.record("no words")
      return
    }
    #expect(spans.map(\.label) == ["LOWER", "UPPER"])
  }

  @Test func `Words given beforehand have a label each, counted in the words joined by spaces`() throws {
    let input = TextInput(words: ["new", "york", "(", "u s a", ")"])
    #expect(input.text == "new york ( u s a )")
    guard case .words(let spans) = try answer(input, ["LOWER", "UPPER"], ["▁u": "UPPER"]) else {
      Issue.record("no words")
      return
    }
    #expect(spans.map(\.text) == input.words)
    #expect(spans.map(\.range) == [0..<3, 4..<8, 9..<10, 11..<16, 17..<18])
    #expect(spans.map(\.label) == ["LOWER", "LOWER", "LOWER", "UPPER", "LOWER"])
  }

  @Test(arguments: [#"{"tokens": ["new", "york"], "tags": ["A", "B"], "id": 7}"#, #"{"words": ["new", "york"]}"#])
  func `A line of tagging data is a text of words`(_ line: String) throws {
    let input = try TextInput(json: Array(line.utf8), index: 0)
    #expect(input.words == ["new", "york"] && input.text == "new york")
    let prediction = try Shipped.predictor("truecase").predict([input])[0]
    guard case .words(let spans) = prediction[head: "truecase"] else {
      Issue.record("no words")
      return
    }
    #expect(spans.map(\.text) == ["new", "york"])
  }

  @Test func `A text beside its words is what other heads read`() throws {
    let line = #"{"text": "new-york library", "tokens": ["new", "-", "york", "library"]}"#
    let input = try TextInput(json: Array(line.utf8), index: 0)
    let prediction = try Shipped.predictor("Parallel(debian-section, truecase)").predict([input])[0]
    guard case .words(let spans) = prediction[head: "truecase"] else {
      Issue.record("no words")
      return
    }
    #expect(spans.map(\.text) == input.words)
    let alone = try Shipped.predictor("debian-section").predict(["new-york library"])[0]
    #expect(prediction[head: "debian-section"] == alone[head: "debian-section"])
    #expect(prediction.json().contains(#""words": ["new", "-", "york", "library"]"#))
  }

  @Test(arguments: [
    #"{"tokens": 5}"#, #"{"text": "a 5", "tokens": ["a", 5]}"#, #"{"text": "a", "words": "a"}"#,
  ])
  func `Words that are not a list of strings are an error, beside a text too`(_ line: String) {
    #expect(throws: ConfigurationError.self) { _ = try TextInput(json: Array(line.utf8), index: 0) }
  }

  @Test func `A line with words of null is a text alone`() throws {
    let input = try TextInput(json: Array(#"{"text": "a b", "tokens": null}"#.utf8), index: 0)
    #expect(input.words == nil && input.text == "a b")
  }
}
