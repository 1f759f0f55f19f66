/// Counts of predictions, occurrences and matches: for a label, a kind of entity, or all of them.
public struct MatchCounts: Sendable, Hashable {
  public var predicted: Int
  public var actual: Int
  /// Predicted and actual.
  public var right: Int

  public init(predicted: Int = 0, actual: Int = 0, right: Int = 0) {
    (self.predicted, self.actual, self.right) = (predicted, actual, right)
  }

  /// The fraction of predictions that are correct; 0 if there are none.
  public var precision: Double { predicted == 0 ? 0 : Double(right) / Double(predicted) }

  /// The fraction of occurrences that were predicted; 0 if there are none.
  public var recall: Double { actual == 0 ? 0 : Double(right) / Double(actual) }

  /// 2·P·R / (P + R) = 2·TP / (2·TP + FP + FN); 0 if nothing is correct.
  public var f1: Double { predicted + actual == 0 ? 0 : Double(2 * right) / Double(predicted + actual) }

  public static func + (a: MatchCounts, b: MatchCounts) -> MatchCounts {
    MatchCounts(predicted: a.predicted + b.predicted, actual: a.actual + b.actual, right: a.right + b.right)
  }

  public static func += (a: inout MatchCounts, b: MatchCounts) { a = a + b }
}

/// Precision, recall and F1 as means over several labels.
public struct MatchScores: Sendable, Hashable {
  public var precision: Double
  public var recall: Double
  public var f1: Double

  /// Σ w·score / Σ w; 0 if empty.
  init(mean counts: [MatchCounts], weight: (MatchCounts) -> Double) {
    let total = counts.reduce(0) { $0 + weight($1) }
    func mean(_ score: (MatchCounts) -> Double) -> Double {
      total == 0 ? 0 : counts.reduce(0) { $0 + weight($1) * score($1) } / total
    }
    (precision, recall, f1) = (mean(\.precision), mean(\.recall), mean(\.f1))
  }
}
