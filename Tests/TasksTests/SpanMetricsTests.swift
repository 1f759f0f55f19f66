import Testing

@testable import Tasks

@Suite struct SpanMetricsTests {
  private func spans(_ tags: String) -> [String] {
    let tags = tags.split(separator: " ").compactMap { SpanTag(String($0)) }
    return SpanTag.spans(tags).map { "\($0.kind)\($0.words.lowerBound)-\($0.words.upperBound)" }.sorted()
  }

  @Test(arguments: [
    // IOB2
    ("O B-A I-A O B-A B-A", ["A1-3", "A4-5", "A5-6"]),
    // IOB1: a span begins with I, and with B only behind another one of its kind
    ("I-A I-A B-A I-B O I-B", ["A0-2", "A2-3", "B3-4", "B5-6"]),
    // BIOES and BILOU
    ("B-A E-A S-A B-A I-A E-A O S-B", ["A0-2", "A2-3", "A3-6", "B7-8"]),
    ("B-A L-A U-A B-A I-A L-A O U-B", ["A0-2", "A2-3", "A3-6", "B7-8"]),
    // Tags that break their scheme
    ("O I-A I-B L-B I-B", ["A1-2", "B2-4", "B4-5"]), ("B-A I-B", ["A0-1", "B1-2"]), ("E-A E-A", ["A0-1", "A1-2"]),
    ("S-A I-A", ["A0-1", "A1-2"]), ("B-A", ["A0-1"]), ("O O", []), ("", []),
  ])
  func `Spans begin and end as conlleval says`(_ tags: String, _ expected: [String]) {
    #expect(spans(tags) == expected)
  }

  @Test func `Names of another form are no scheme`() {
    #expect(SpanTag.scheme(["O", "B-X", "I-X"]) != nil)
    for names in [["O"], ["O", "B-"], ["O", "LOWER"], ["O", "X-A"], []] { #expect(SpanTag.scheme(names) == nil) }
    #expect(Metrics.spanScores([["LOWER"]], [["UPPER"]]) == nil)
  }

  /// Targets: PER 0-2, LOC 3-4; ORG 0-1. Predictions: PER 0-2 (right), LOC 2-4; LOC 0-1 (another kind).
  /// 1 right of 3 and 3. By words 4 of 5 are right, which shows how much easier words are.
  @Test func `A span counts only with its first word, last word and kind`() throws {
    let targets = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG"]]
    let predictions = [["B-PER", "I-PER", "B-LOC", "I-LOC"], ["B-LOC"]]
    let scores = try #require(Metrics.spanScores(predictions, targets))
    #expect(scores == SpanScores(predicted: 3, actual: 3, right: 1))
    #expect((scores.precision, scores.recall, scores.f1) == (1.0 / 3, 1.0 / 3, 1.0 / 3))
    #expect(Metrics.spanScores(targets, targets)?.f1 == 1)
  }

  /// 2 right of 4 predicted and 3 actual: P = 1/2, R = 2/3, F1 = 2·P·R / (P + R) = 4/7.
  @Test func `F1 is the harmonic mean of precision and recall`() {
    let scores = SpanScores(predicted: 4, actual: 3, right: 2)
    #expect(abs(scores.f1 - 2 * scores.precision * scores.recall / (scores.precision + scores.recall)) < 1e-15)
    #expect(scores.f1 == 4.0 / 7)
    #expect((SpanScores().precision, SpanScores().recall, SpanScores().f1) == (0, 0, 0))
  }

  @Test func `Sentences end their spans`() throws {
    let one = [["B-A", "I-A", "I-A"]]
    #expect(try #require(Metrics.spanScores(one, one)).actual == 1)
    let two = [["B-A", "I-A"], ["I-A"]]
    #expect(try #require(Metrics.spanScores(two, two)).actual == 2)
  }
}
