import Tasks
import Testing

@Suite struct SpanMetricsTests {
  @Test func `Labels that are no scheme have no spans`() {
    #expect(Metrics.spanScores([["LOWER"]], [["UPPER"]]) == nil)
    #expect(Metrics.spanScores([["O"]], [["PER"]]) == MatchCounts(predicted: 0, actual: 1, right: 0))
  }

  /// Targets: PER 0-2, LOC 3-4; ORG 0-1. Predictions: PER 0-2 (right), LOC 2-4; LOC 0-1 (another kind).
  /// 1 right of 3 and 3. By words 4 of 5 are right, which shows how much easier words are.
  @Test func `A span counts only with its first word, last word and kind`() throws {
    let targets = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG"]]
    let predictions = [["B-PER", "I-PER", "B-LOC", "I-LOC"], ["B-LOC"]]
    let scores = try #require(Metrics.spanScores(predictions, targets))
    #expect(scores == MatchCounts(predicted: 3, actual: 3, right: 1))
    #expect((scores.precision, scores.recall, scores.f1) == (1.0 / 3, 1.0 / 3, 1.0 / 3))
    #expect(Metrics.spanScores(targets, targets)?.f1 == 1)
  }

  /// 2 right of 4 predicted and 3 actual: P = 1/2, R = 2/3, F1 = 2·P·R / (P + R) = 4/7.
  @Test func `F1 is the harmonic mean of precision and recall`() {
    let scores = MatchCounts(predicted: 4, actual: 3, right: 2)
    #expect(abs(scores.f1 - 2 * scores.precision * scores.recall / (scores.precision + scores.recall)) < 1e-15)
    #expect(scores.f1 == 4.0 / 7)
    #expect((MatchCounts().precision, MatchCounts().recall, MatchCounts().f1) == (0, 0, 0))
  }

  @Test func `Sentences end their spans`() throws {
    let one = [["B-A", "I-A", "I-A"]]
    #expect(try #require(Metrics.spanScores(one, one)).actual == 1)
    let two = [["B-A", "I-A"], ["I-A"]]
    #expect(try #require(Metrics.spanScores(two, two)).actual == 2)
  }
}
