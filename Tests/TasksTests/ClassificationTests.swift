import Heads
import Testing

@testable import Tasks

@Suite struct ClassificationTests {
  private let single = HeadSettings(.classification, labels: ["a", "b", "c"])
  private let multi = HeadSettings(.multilabelClassification, labels: ["a", "b", "c"])
  private let outputs: [Float] = [-1, 2, 0.5]

  private func labels(_ answer: Answer) -> [String] {
    switch answer {
    case .label(let best, let all): [best.label] + all.map(\.label)
    case .labels(let chosen, let all): chosen.map(\.label) + ["|"] + all.map(\.label)
    default: []
    }
  }

  @Test func `The best labels come first, and are as many as requested`() {
    #expect(labels(Answer(classes: outputs, single, .init())) == ["b", "a", "b", "c"])
    #expect(labels(Answer(classes: outputs, single, .init(topK: 2))) == ["b", "b", "c"])
    #expect(labels(Answer(classes: outputs, single, .init(topK: 9))) == ["b", "b", "c", "a"])
  }

  @Test func `Another function makes other scores, and the label stays`() {
    func score(_ function: ScoreFunction?) -> Float {
      guard case .label(let best, _) = Answer(classes: outputs, single, .init(functionToApply: function)) else {
        return 0
      }
      return best.score
    }
    #expect(score(.identity) == 2)
    #expect(abs(score(.sigmoid) - 0.8807971) < 1e-6)
    #expect(score(nil) == score(.softmax) && score(nil) != score(.sigmoid))
  }

  @Test func `Each label applies over its own threshold, unless one is given for all`() throws {
    #expect(labels(Answer(classes: outputs, multi, .init())).prefix(3) == ["b", "c", "|"])
    #expect(labels(Answer(classes: outputs, multi, .init(threshold: 0.7))).prefix(2) == ["b", "|"])
    let tuned = try multi.deciding(at: [0.2, 0.9, 0.5])
    #expect(labels(Answer(classes: outputs, tuned, .init())).prefix(3) == ["a", "c", "|"])
    #expect(labels(Answer(classes: outputs, tuned, .init(threshold: 0.7))).prefix(2) == ["b", "|"])
    // Scores of another function decide nothing by themselves, and a threshold counts in their scale.
    #expect(labels(Answer(classes: outputs, tuned, .init(functionToApply: .identity))).prefix(3) == ["a", "c", "|"])
    let high = ClassificationOptions(functionToApply: .identity, threshold: 1)
    #expect(labels(Answer(classes: outputs, tuned, high)).prefix(2) == ["b", "|"])
  }

  @Test func `Thresholds are for heads of several labels, one for each`() {
    #expect(throws: ThresholdError.decidesOtherwise(kind: .classification)) { _ = try single.deciding(at: [1, 1, 1]) }
    #expect(throws: ThresholdError.count(expected: 3, found: 2)) { _ = try multi.deciding(at: [1, 1]) }
    #expect(throws: ThresholdError.outOfRange(label: "b", value: 2)) { _ = try multi.deciding(at: [1, 2, 1]) }
  }

  @Test func `Options out of their range are refused by name`() {
    var options = AnswerOptions()
    options.questions.topK = 0
    #expect(throws: AnswerOptionsError(option: "topK", value: 0, least: 1)) { try options.check() }
    options = AnswerOptions()
    options.tagging.stride = -1
    #expect(throws: AnswerOptionsError(option: "stride", value: -1, least: 0)) { try options.check() }
  }

  @Test func `A range of scalars is a range of the text`() {
    let text = "e\u{301}😀 日本"
    #expect(text[(2..<3).indices(in: text)] == "😀")
    #expect(text[(4..<6).indices(in: text)] == "日本")
    #expect(text[(4..<9).indices(in: text)] == "日本" && text[(9..<9).indices(in: text)].isEmpty)
  }
}
