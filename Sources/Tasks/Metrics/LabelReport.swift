/// Precision, recall, F1 and support of every label, and their means.
///
/// Source: scikit-learn, `classification_report(zero_division=0)`; seqeval's for entities.
public struct LabelReport: Sendable, Hashable {
  public struct Row: Sendable, Hashable {
    public let label: String
    public let counts: MatchCounts

    public init(label: String, counts: MatchCounts) { (self.label, self.counts) = (label, counts) }
  }

  public let rows: [Row]

  public init(_ rows: [Row]) { self.rows = rows }

  /// The totals over all labels.
  ///
  /// For single-label classes this is the accuracy.
  public var micro: MatchCounts { rows.reduce(MatchCounts()) { $0 + $1.counts } }

  /// The unweighted mean over labels.
  public var macro: MatchScores { MatchScores(mean: rows.map(\.counts)) { _ in 1 } }

  /// The mean over labels, weighted by support.
  public var weighted: MatchScores { MatchScores(mean: rows.map(\.counts)) { Double($0.actual) } }

  /// The report for named classes, one per text or word.
  public init(_ predictions: [Int], _ targets: [Int], labels: [String]) {
    let counts = ClassCounts(predictions, targets)
    self.init(labels.enumerated().map { Row(label: $1, counts: counts.all[$0] ?? MatchCounts()) })
  }

  /// The report for multiple labels.
  public init(flags predictions: [[Bool]], _ targets: [[Bool]], labels: [String]) {
    let counts = ClassCounts(predictions, targets)
    self.init(labels.enumerated().map { Row(label: $1, counts: counts.all[$0] ?? MatchCounts()) })
  }

  /// The report without labels that neither occur nor are predicted.
  public var occurring: LabelReport { LabelReport(rows.filter { $0.counts.predicted + $0.counts.actual > 0 }) }

  /// The mean of per-text scores; a text without labels or predictions scores 0.
  ///
  /// Source: scikit-learn, `average="samples"`.
  public static func samples(_ predictions: [[Bool]], _ targets: [[Bool]]) -> MatchScores {
    let counts = zip(predictions, targets).map { prediction, target in
      MatchCounts(
        predicted: prediction.count { $0 }, actual: target.count { $0 },
        right: zip(prediction, target).count { $0 && $1 })
    }
    return MatchScores(mean: counts) { _ in 1 }
  }
}
