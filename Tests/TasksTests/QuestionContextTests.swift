import Foundation
import TestSupport
import Testing
import Tokenization

@testable import Tasks

@Suite struct QuestionContextTests {
  private typealias Token = QuestionContext.Token

  private let offsets = tokens([nil, nil, 0..<1, 2..<3, 4..<5, nil])

  /// Tokens of the context a b c, each a word.
  private static func tokens(_ ranges: [Range<Int>?]) -> [Token?] {
    ranges.map { $0.map { Token(range: $0, word: $0.lowerBound / 2) } }
  }

  /// The best answer, or that there is none.
  private func answer(
    _ context: QuestionContext, _ starts: [[Float]], _ ends: [[Float]], limit: Int = 30
  ) -> ContextAnswer {
    context.answers(
      starts: starts, ends: ends, QuestionOptions(maxAnswerLength: limit, handlesImpossibleAnswer: true))[0]
  }

  private let starts: [Float] = [0, 9, 1, 3, 0, 0]
  private let ends: [Float] = [0, 9, 4, 2, 3, 9]

  @Test func `The best span has the largest sum, or none is better`() {
    let context = QuestionContext([offsets], context: "a b c")
    #expect(answer(context, [starts], [ends]).text == "b c")
    #expect(answer(context, [starts], [ends], limit: 1).text == "a")
    #expect(answer(context, [[7] + starts.dropFirst()], [ends]).range == nil)
  }

  @Test func `A score is the product of two softmaxes over the context and no answer`() {
    let answer = answer(QuestionContext([offsets], context: "a b c"), [starts], [ends])
    func share(_ logits: [Float], _ token: Int) -> Double {
      exp(Double(logits[token])) / [0, 2, 3, 4].reduce(0) { $0 + exp(Double(logits[$1])) }
    }
    #expect(answer.range == 2..<5)
    #expect(abs(Double(answer.score) - share(starts, 3) * share(ends, 4)) < 1e-6)
  }

  @Test func `Of several windows the likeliest span counts, with its place in the whole context`() {
    // The second window begins at b; its logits are lower, but less is beside them.
    let second = Self.tokens([nil, nil, 2..<3, 4..<5, nil])
    let context = QuestionContext([offsets, second], context: "a b c")
    let unsure = [Float](repeating: 2, count: 6)
    let best = answer(context, [unsure, [0, 0, 0, 6, 0]], [unsure, [0, 0, 0, 6, 0]])
    #expect(best.range == 4..<5 && best.text == "c")
    #expect(answer(context, [starts, [9, 0, 0, 0, 0]], [ends, [9, 0, 0, 0, 0]]).text == "b c")
    // There is no answer only if no window has one.
    let none: [Float] = [9, 0, 0, 0, 0]
    let first: [Float] = [9, 0, 0, 0, 0, 0]
    let nothing = answer(context, [first, none], [first, none])
    #expect(nothing.range == nil && nothing.score > 0.9)
  }

  @Test func `Windows cover the context, share tokens, and hold the question`() throws {
    let tokenizer = try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    let context = (0..<40).map { "word\($0)" }.joined(separator: " ")
    let whole = try tokenizer.encode("who is it", pair: context)
    let tokens = whole.ids.indices.filter { whole.sequence[$0] == 1 }
    let question = whole.ids.count - tokens.count
    for (length, shared, expected) in [(30, nil as Int?, 15), (30, 4, 4), (20, 0, 0), (whole.ids.count, 3, 0)] {
      let windows = try TextWindows(
        question: "who is it", context: context, tokenizer, maximumLength: length, shared: shared
      ).encodings
      var end = 0
      for (number, window) in windows.enumerated() {
        let own = window.ids.indices.filter { window.sequence[$0] == 1 }
        #expect(window.ids.count <= length && window.truncatedTokens == 0)
        #expect(Array(window.ids[..<(own[0])]) == Array(whole.ids[..<tokens[0]]))
        #expect(window.ids.last == whole.ids.last)
        let start = number == 0 ? 0 : end - expected
        #expect(
          window.ids[own[0]...own[own.count - 1]].elementsEqual(
            whole.ids[tokens[start]..<tokens[start] + own.count]))
        #expect(window.offsets[own[0]] == whole.offsets[tokens[start]])
        end = start + own.count
      }
      #expect(end == tokens.count)
    }
    // Windows that share all of their room would never end; without a number they share half of it.
    #expect(throws: WindowError.stride(2, room: 2, isQuestion: true)) {
      _ = try TextWindows(
        question: "who is it", context: context, tokenizer, maximumLength: question + 2, shared: 2)
    }
    let narrow = try TextWindows(
      question: "who is it", context: context, tokenizer, maximumLength: question + 2
    ).encodings
    #expect(narrow.count == tokens.count - 1)
    #expect(throws: WindowError.noRoom(taken: question, limit: question, isQuestion: true)) {
      _ = try TextWindows(question: "who is it", context: context, tokenizer, maximumLength: question)
    }
  }

  @Test func windowsThatHaveTooManyTokensTogetherAreRefusedWithTheirNumber() throws {
    let tokenizer = try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    let text = String(repeating: "a ", count: 100)
    for shared in [0, 1, 5, 9, 15] {
      func windows(_ limit: Int) throws -> TextWindows {
        try TextWindows(text: text, pair: nil, tokenizer, maximumLength: 18, shared: shared, limit: limit)
      }
      let all = try windows(.max)
      let tokens = all.encodings.reduce(0) { $0 + $1.ids.count }
      #expect(all.ranges.last?.upperBound == 100 && all.ranges.allSatisfy { !$0.isEmpty })
      // Negative control: the limit itself is allowed.
      #expect(try windows(tokens) == all)
      #expect(
        throws: WindowError.tooMany(
          windows: all.encodings.count, tokens: tokens, limit: tokens - 1, isQuestion: false)
      ) { _ = try windows(tokens - 1) }
      #expect(throws: WindowError.self) {
        _ = try TextWindows(
          question: "a", context: text, tokenizer, maximumLength: 20, shared: shared, limit: tokens / 2)
      }
    }
    // As many windows as tokens, each of 512: they are counted, not made.
    #expect(throws: WindowError.self) {
      _ = try TextWindows(
        text: String(repeating: "a ", count: 50_000), pair: nil, tokenizer, maximumLength: 512, shared: 509)
    }
  }
}
