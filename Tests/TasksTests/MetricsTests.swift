import Testing

@testable import Tasks

/// Equal but for rounding.
private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-12 }

@Suite struct ClassMetricsTests {
  private let targets = [0, 0, 0, 1, 1, 2]
  private let predictions = [0, 0, 1, 1, 2, 0]

  @Test func `Accuracy is the share of the right predictions`() {
    #expect(Metrics.accuracy(targets, targets) == 1)
    #expect(Metrics.accuracy(predictions, targets) == 0.5)
    #expect(Metrics.accuracy([], []).isNaN)
  }

  /// Class 0: 2 right of 3 and 3, F1 4/6. Class 1: 1 right of 2 and 2, F1 2/4. Class 2: none right.
  @Test func `Macro F1 is the mean of the classes that occur`() {
    #expect(Metrics.macroF1(targets, targets) == 1)
    #expect(close(Metrics.macroF1(predictions, targets), (2.0 / 3 + 0.5 + 0) / 3))
    // The class 7 is only predicted, and counts.
    #expect(close(Metrics.macroF1([0, 7], [0, 0]), (2.0 / 3 + 0) / 2))
  }

  /// Of two classes it is (TP·TN − FP·FN) / √((TP+FP)(TP+FN)(TN+FP)(TN+FN)): with TP = 3, TN = 1, FP = 1, FN = 0
  /// that is 3 / √(4·3·2·1).
  @Test func `Matthews' correlation is the known one for two classes`() {
    #expect(close(Metrics.matthews([1, 1, 1, 1, 0], [1, 1, 1, 0, 0]), 3 / 24.0.squareRoot()))
    #expect(Metrics.matthews([0, 1], [1, 0]) == -1)
    #expect(Metrics.matthews([1, 1], [1, 0]) == 0)
  }

  /// s = 6, c = 3; p = (3, 2, 1), t = (3, 2, 1): (3·6 − 14) / √((36 − 14)(36 − 14)).
  @Test func `Matthews' correlation counts many classes`() {
    #expect(close(Metrics.matthews(predictions, targets), 4.0 / 22))
  }

  /// Column 0: 1 right of 1 and 2. Column 1: 1 right of 2 and 1. Column 2 never occurs. Together 2 right of 3 and 3.
  @Test func `Micro F1 counts all flags, and macro F1 all labels`() {
    let targets = [[true, false, false], [true, true, false]]
    let predictions = [[true, true, false], [false, true, false]]
    #expect(close(Metrics.microF1(predictions, targets), 4.0 / 6))
    #expect(close(Metrics.macroF1(flags: predictions, targets), (2.0 / 3 + 2.0 / 3 + 0) / 3))
    #expect(Metrics.exactMatch(predictions, targets) == 0)
    #expect(Metrics.exactMatch(targets, targets) == 1)
    #expect(Metrics.microF1([[false]], [[false]]) == 0)
  }
}

@Suite struct ValueMetricsTests {
  /// x − 2 = (−1, 0, 1), y − 3 = (−2, 1, 1): 3 / √(2 · 6).
  @Test func `Pearson's correlation is that of the deviations`() {
    #expect(close(Metrics.pearson([1, 2, 3], [1, 4, 4]), 3 / 12.0.squareRoot()))
    #expect(close(Metrics.pearson([1, 2, 3], [-2, -4, -6]), -1))
    #expect(Metrics.pearson([1, 1, 1], [1, 2, 3]).isNaN)
  }

  /// The ranks of (10, 20, 20, 1000) are (1, 2.5, 2.5, 4).
  @Test func `Equal values share the mean of their ranks`() {
    #expect(Metrics.ranks([1000, 20, 10, 20]) == [4, 2.5, 1, 2.5])
    #expect(Metrics.ranks([]) == [])
  }

  /// Ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4): deviations (−1.5, 0, 0, 1.5) and (−1.5, −0.5, 0.5, 1.5), so
  /// 4.5 / √(4.5 · 5).
  @Test func `Spearman's correlation is Pearson's of the ranks`() {
    #expect(close(Metrics.spearman([10, 20, 20, 1000], [1, 2, 3, 4]), 4.5 / 22.5.squareRoot()))
    #expect(close(Metrics.spearman([1, 2, 3], [1, 10, 100]), 1))
    #expect(Metrics.pearson([1, 2, 3], [1, 10, 100]) < 0.95)
  }

  @Test func `The mean squared error is what it says`() {
    #expect(Metrics.meanSquaredError([1, 2], [1, 4]) == 2)
  }
}

@Suite struct AnswerMetricsTests {
  @Test(arguments: [
    ("The  Cat's a\tname.", ["cats", "name"]), ("An apple—the best", ["apple—", "best"]), ("the", []),
    ("a_b, U.S.A.", ["ab", "usa"]), ("theatre banana", ["theatre", "banana"]), ("Ä-the é", ["äthe", "é"]),
  ])
  func `Answers are compared without case, punctuation and articles`(_ text: String, _ words: [String]) {
    #expect(Metrics.answerWords(text) == words)
  }

  /// "new york city" and "york": 1 common word, P = 1, R = 1/3, F1 = 0.5.
  @Test func `The nearest of the answers counts`() {
    #expect(Metrics.answerMatch("York", ["the New York City"]) == (0, 0.5))
    #expect(Metrics.answerMatch("York", ["the New York City", "york."]) == (1, 1))
    #expect(Metrics.answerMatch("London", ["York"]) == (0, 0))
    // Words that occur twice count twice: 2 common of 3 and 2.
    #expect(Metrics.answerMatch("b b c", ["b b"]) == (0, 0.8))
    #expect(Metrics.answerMatch("b c d", ["b b"]) == (0, 0.4))
  }

  @Test func `No answer is right where there is none`() {
    #expect(Metrics.answerMatch("", []) == (1, 1))
    #expect(Metrics.answerMatch("York", []) == (0, 0))
    #expect(Metrics.answerMatch("", ["York"]) == (0, 0))
  }
}
