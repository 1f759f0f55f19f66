import Foundation
import TestSupport
import Testing
import Tokenization

@testable import Tasks
@testable import Tensors

/// What transformers' pipelines make of given outputs; `Tools/make_task_fixtures.py` records it.
@Suite struct PipelineTests {
  private static let tokenizer = Result {
    try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
  }

  private static func read<Case: Decodable>(_ name: String) throws -> [Case] {
    try JSONDecoder().decode([Case].self, from: Data(contentsOf: Fixtures.file("tasks/\(name).json")))
  }

  private static func tensor(_ rows: [[Float]]) -> Tensor {
    Tensor(Array(rows.joined()), rows: rows.count, columns: rows.first?.count ?? 0)
  }

  // MARK: - Tagging

  struct Tagging: Decodable {
    struct Span: Decodable {
      let start: Int
      let end: Int
      let label: String
      let score: Double
    }

    let text: String
    let labels: [String]
    let strategy: AggregationStrategy
    let ignore: [String]
    let length: Int
    let stride: Int?
    let outputs: [[[Float]]]
    let spans: [Span]

    var options: TaggingOptions {
      TaggingOptions(aggregationStrategy: strategy, ignoreLabels: Set(ignore), stride: stride)
    }

    func spans(_ options: TaggingOptions) throws -> [LabeledSpan] {
      let tokenizer = try PipelineTests.tokenizer.get()
      let windows =
        if let stride {
          try TextWindows(text: text, pair: nil, tokenizer, maximumLength: length, shared: stride)
        } else {
          TextWindows(try tokenizer.encode(text, maximumLength: length))
        }
      #expect(windows.encodings.map(\.ids.count) == outputs.map(\.count))
      let answer = TagDecoder(labels: labels, options)
        .answer(outputs.map(PipelineTests.tensor), windows, of: Sentence(text))
      guard case .entities(let spans) = answer else { return [] }
      return spans
    }
  }

  @Test func `Spans are those of the token classification pipeline`() throws {
    let cases: [Tagging] = try Self.read("tagging")
    #expect(Set(cases.map(\.strategy)) == Set(AggregationStrategy.allCases))
    for item in cases {
      let spans = try item.spans(item.options)
      #expect(spans.map(\.range) == item.spans.map { $0.start..<$0.end }, "\(item.strategy): \(item.text)")
      #expect(spans.map(\.label) == item.spans.map(\.label), "\(item.strategy): \(item.text)")
      expectClose(spans.map(\.score), item.spans.map(\.score), .op, item.text)
      #expect(spans.allSatisfy { $0.text == item.text[$0.range.indices(in: item.text)] })
    }
  }

  @Test func `Every strategy makes other spans of some text`() throws {
    let item = try #require(try Self.read("tagging").first { (item: Tagging) in item.strategy == .average })
    var seen: [[LabeledSpan]] = []
    for strategy in AggregationStrategy.allCases {
      let spans = try item.spans(TaggingOptions(aggregationStrategy: strategy, ignoreLabels: []))
      #expect(!spans.isEmpty && !seen.contains(spans), "\(strategy)")
      seen.append(spans)
    }
  }

  // MARK: - Questions

  struct Question: Decodable {
    struct Answer: Decodable {
      let text: String
      let start: Int
      let end: Int
      let score: Double
    }

    let question: String
    let context: String
    let length: Int
    let stride: Int
    let topK: Int
    let maxAnswerLength: Int
    let handlesImpossibleAnswer: Bool
    let alignsToWords: Bool
    let outputs: [[[Float]]]
    let answers: [Answer]

    var options: QuestionOptions {
      QuestionOptions(
        topK: topK, maxAnswerLength: maxAnswerLength, handlesImpossibleAnswer: handlesImpossibleAnswer,
        alignsToWords: alignsToWords, docStride: stride)
    }

    func answers(_ options: QuestionOptions) throws -> [ContextAnswer] {
      let windows = try TextWindows(
        question: question, context: context, PipelineTests.tokenizer.get(), maximumLength: length, shared: stride)
      #expect(windows.encodings.map(\.ids.count) == outputs.map(\.count))
      return QuestionContext(windows.encodings, context: context).answers(
        starts: outputs.map { $0.map { $0[0] } }, ends: outputs.map { $0.map { $0[1] } }, options)
    }
  }

  @Test func `Answers are those of the question answering pipeline`() throws {
    let cases: [Question] = try Self.read("questions")
    #expect(cases.contains { $0.outputs.count > 1 } && cases.contains { $0.answers.contains { $0.text.isEmpty } })
    for item in cases {
      let answers = try item.answers(item.options)
      #expect(answers.map(\.text) == item.answers.map(\.text), "\(item.question)")
      #expect(answers.map { $0.range ?? 0..<0 } == item.answers.map { $0.start..<$0.end }, "\(item.question)")
      expectClose(answers.map(\.score), item.answers.map(\.score), .op, item.question)
    }
  }

  @Test func `Without its options a question has other answers`() throws {
    for item in try Self.read("questions") as [Question]
    where item.handlesImpossibleAnswer || !item.alignsToWords || item.topK > 1 {
      #expect(try item.answers(item.options) != item.answers(QuestionOptions()), "\(item.question)")
    }
  }
}
