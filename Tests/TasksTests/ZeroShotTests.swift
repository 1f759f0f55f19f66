import Checkpoints
import Heads
import Testing

@testable import Tasks

@Suite struct ZeroShotTests {
  private func places(_ labels: String...) -> [Int?] {
    let outputs = EntailmentOutputs(HeadSettings(.classification, labels: labels))
    return [outputs?.entailment, outputs?.contradiction]
  }

  @Test func `Entailment and contradiction are found by name`() {
    #expect(places("contradiction", "neutral", "entailment") == [2, 0])
    #expect(places("neutral", "CONTRADICTION", "Entails") == [2, 1])
    // Without a name it is the first output, or the last where the first is entailment.
    #expect(places("entailment", "not_entailment") == [0, 1])
    #expect(places("not_entailment", "entailment") == [1, 0])
    #expect(places("yes", "no") == [nil, nil])
    #expect(places("entailment") == [nil, nil])
  }

  @Test func `Labels share the entailment, or each is held against contradiction`() throws {
    let places = try #require(
      EntailmentOutputs(HeadSettings(.classification, labels: ["contradiction", "neutral", "entailment"])))
    let outputs: [[Float]] = [[3, 9, 1], [0, 9, 2]]
    func answer(multiLabel: Bool) throws -> [ScoredLabel] {
      let options = try ZeroShotOptions(candidateLabels: ["a", "b"], multiLabel: multiLabel)
      guard case .zeroShot(let labels) = Answer(zeroShot: outputs, places, options) else { return [] }
      return labels
    }
    let single = try answer(multiLabel: false)
    #expect(single.map(\.label) == ["b", "a"])
    #expect(abs(single[0].score - 0.7310586) < 1e-6 && abs(single[0].score + single[1].score - 1) < 1e-6)
    let multi = try answer(multiLabel: true)
    #expect(multi.map(\.label) == ["b", "a"])
    #expect(abs(multi[0].score - 0.8807971) < 1e-6 && abs(multi[1].score - 0.1192029) < 1e-6)
    // One label alone would always have all of it.
    let options = try ZeroShotOptions(candidateLabels: ["a"])
    #expect(
      Answer(zeroShot: [[3, 9, 1]], places, options) == .zeroShot([ScoredLabel(label: "a", score: multi[1].score)]))
  }

  @Test func `A template has a place for the label, and labels differ`() throws {
    let options = try ZeroShotOptions(candidateLabels: ["x", "y z"], hypothesisTemplate: "{} is it.")
    #expect(options.candidateLabels.map(options.hypothesis) == ["x is it.", "y z is it."])
    #expect(throws: ZeroShotError.templateWithoutSlot("It is.")) {
      _ = try ZeroShotOptions(candidateLabels: ["x"], hypothesisTemplate: "It is.")
    }
    #expect(throws: ZeroShotError.repeated("x")) { _ = try ZeroShotOptions(candidateLabels: ["x", "y", "x"]) }
    let slots = String(repeating: "{}", count: 100_000)
    #expect(throws: ZeroShotError.tooLong(limit: Limits.lineBytes)) {
      _ = try ZeroShotOptions(candidateLabels: [String(repeating: "x", count: 100)], hypothesisTemplate: slots)
    }
    #expect(try ZeroShotOptions(candidateLabels: ["x"], hypothesisTemplate: slots).hypothesis("x").count == 100_000)
    #expect(throws: ZeroShotError.noLabels) { _ = try ZeroShotOptions(candidateLabels: []) }
  }
}
