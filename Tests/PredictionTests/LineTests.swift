import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// What heads of several kinds make of lines that do not give all of them what they read.
@Suite struct LineTests {
  /// The shipped model with fresh heads for questions and choices.
  private func predictor(_ heads: [String]) throws -> Predictor {
    var model = try Shipped.model.get()
    try model.addHead("span", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: 1)
    try model.addHead("pick", HeadSettings(.multipleChoice, labels: ["first", "second"]), seed: 1)
    try model.setActiveAdapters(.adapter("truecase"))
    model.activeHeads = heads
    return try Predictor(model, Shipped.tokenizer.get())
  }

  private func outcomes(_ lines: [String], _ heads: [String]) throws -> [Result<Prediction, UnansweredText>] {
    let folder = try TemporaryFolder()
    let path = try folder.write(lines.joined(separator: "\n"), as: "lines.jsonl")
    var outcomes: [Result<Prediction, UnansweredText>] = []
    try predictor(heads).predict(TextSource(path: path, format: .jsonl)) { outcomes += $0 }
    return outcomes
  }

  /// The heads that answer, or why none does.
  private func summary(_ outcome: Result<Prediction, UnansweredText>) -> String {
    switch outcome {
    case .success(let prediction): prediction.answers.map(\.head).joined(separator: " ")
    case .failure(let failure): failure.description
    }
  }

  private static let noContext = """
    The head 'span' answers questions from a context. Give both, in a line of the input or in a request: \
    {"question": "...", "context": "..."}.
    """
  private static let noChoices = """
    The head 'pick' chooses among texts. Give them with the question, in a line of the input or in a request: \
    {"question": "...", "choices": ["one", "another"]}.
    """

  private static let lines = [
    #"{"text": "who?"}"#, #"{"text": "who?", "pair": "me"}"#, #"{"text": "who?", "choices": ["a", "b"]}"#,
    #"{"text": "who?", "pair": "me", "choices": ["a", "b"]}"#,
  ]

  @Test func `A head that lacks what it reads is left out, and a text without any other is told`() throws {
    func summaries(_ heads: [String]) throws -> [String] { try outcomes(Self.lines, heads).map(summary) }
    #expect(
      try summaries(["span"]) == ["line 1: " + Self.noContext, "span", "line 3: " + Self.noContext, "span"])
    #expect(
      try summaries(["wordnet-domain", "span", "pick"]) == [
        "wordnet-domain", "wordnet-domain span", "wordnet-domain pick", "wordnet-domain span pick",
      ])
    #expect(try summaries(["span", "pick"]) == ["line 1: " + Self.noContext, "span", "pick", "span pick"])
  }

  @Test func `What is left out is told, and changes no answer of the others`() throws {
    let heads = ["wordnet-domain", "span", "pick"]
    let predictions = try outcomes(Self.lines, heads).map { try $0.get() }
    let span = PredictionError.noContext(head: "span")
    let pick = PredictionError.noChoices(head: "pick")
    #expect(predictions.map(\.lacks) == [[span, pick], [pick], [span], []])
    #expect((span.description, pick.description) == (Self.noContext, Self.noChoices))
    #expect(predictions.prefix(3).map(\.isLongestWithChoice) == [false, false, true])
    let alone = try outcomes(Self.lines, ["wordnet-domain"]).map { try $0.get() }
    #expect(alone.allSatisfy { $0.lacks.isEmpty })
    #expect(alone.map { $0[head: heads[0]] } == predictions.map { $0[head: heads[0]] })
    #expect(alone[0][head: heads[0]] != alone[1][head: heads[0]])
  }

  @Test func `A branch whose head lacks what it reads leaves the others their answers`() throws {
    var model = try Shipped.model.get()
    try model.addAdapter("qa", configuration: "lora", seed: 1)
    try model.addHead("qa", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: 1)
    try model.setActiveAdapters(Composition("Parallel(debian-section, qa)"))
    let predictor = try Predictor(model, Shipped.tokenizer.get())
    let predictions = try predictor.predict([
      TextInput("a library"), TextInput("a library", pair: "of tools", index: 1),
    ])
    #expect(predictions.map { $0.answers.map(\.head) } == [["debian-section"], ["debian-section", "qa"]])
    let alone = try Shipped.predictor("debian-section").predict(["a library"])[0]
    #expect(predictions[0][head: "debian-section"] == alone[head: "debian-section"])
    #expect(predictions[0].tokenCount == alone.tokenCount)
  }

  @Test(arguments: [
    ("null", nil), ("[]", "there must be at least two choices, found 0."),
    (#"["a"]"#, "there must be at least two choices, found 1."),
    (#"["a", 5]"#, "'choices[1]' must be a string, found the number 5."),
    (#""a""#, "'choices' must be a list, found the string 'a'."),
    (#"{"a": 1}"#, "'choices' must be a list, or have a list 'text'."),
  ])
  func `Choices that cannot be read matter to heads that choose`(_ choices: String, _ reason: String?) throws {
    let line = #"{"text": "who?", "pair": "me", "choices": \#(choices)}"#
    #expect(try outcomes([line], ["wordnet-domain", "span"]).map(summary) == ["wordnet-domain span"])
    let fault = reason.map { "line 1: The head 'pick' chooses among texts: \($0)" }
    #expect(try outcomes([line], ["pick"]).map(summary) == [fault ?? "line 1: " + Self.noChoices])
    #expect(try outcomes([line], ["wordnet-domain", "pick"]).map(summary) == [fault ?? "wordnet-domain"])
  }

  @Test func `A pair that no head would read is refused`() throws {
    let refusal = """
      line 4: The head 'pick' reads the text with each of its choices, as it was trained, and not the pair; leave the \
      pair out, or make it a part of the text.
      """
    #expect(try outcomes(Self.lines, ["pick"]).map(summary).suffix(2) == ["pick", refusal])
  }

  @Test(arguments: [
    (#"{"question": "who?", "context": "me"}"#, "who?", "me"),
    (#"{"question": "who?", "passage": "me"}"#, "who?", "me"),
    (#"{"sentence1": "who?", "sentence2": "me"}"#, "who?", "me"),
    (#"{"question": "x", "context": "y", "text": "who?", "pair": "me"}"#, "who?", "me"),
    (#"{"question": "who?", "text": null, "pair": null, "context": "me"}"#, "who?", "me"),
    (#"{"text": "who?", "context": "of another program", "question": []}"#, "who?", nil),
    (#"{"text": "who?", "text_pair": "me"}"#, "who?", "me"), (#"{"text": "who?", "hypothesis": "me"}"#, "who?", "me"),
    (#"{"question": "who?", "sentence": "me"}"#, "who?", "me"), (#"{"sentence": "who?"}"#, "who?", nil),
    (#"{"prompt": "who?"}"#, "who?", nil),
    (#"{"context": "who?"}"#, "who?", nil), (#"{"sentence": "who?", "context": "me"}"#, "who?", nil),
    (#"{"Premise": "who?", " hypothesis": "me"}"#, "who?", "me"),
  ])
  func `Texts go by the names of training data, too`(_ line: String, _ text: String, _ pair: String?) throws {
    let input = try TextInput(json: Array(line.utf8), index: 0)
    #expect((input.text, input.pair) == (text, pair))
  }

  @Test(arguments: [
    #""choices": ["a", "b"]"#, #""options": ["a", "b"]"#, #""endings": ["a", "b"]"#, #""ending1": "a", "ending2": "b""#,
    #""choices": {"text": ["a", "b"], "label": ["A", "B"]}"#, #""choices": null, "choice0": "a", "choice1": "b""#,
  ])
  func `Choices have every form that training reads`(_ choices: String) throws {
    let input = try TextInput(json: Array(#"{"context": "who?", \#(choices)}"#.utf8), index: 0)
    #expect((input.text, input.choices) == ("who?", ["a", "b"]))
    #expect(input.pair == nil)
  }
}
