/// Precision and recall of one label as functions of the threshold above which it applies.
///
/// Source: scikit-learn, `precision_recall_curve`, `roc_auc_score`, `average_precision_score`.
public struct ThresholdCurve: Sendable, Hashable {
  public struct Point: Sendable, Hashable {
    /// The lowest score at which the label applies.
    public let threshold: Double
    public let counts: MatchCounts
  }

  /// One per distinct score, from low to high.
  public let points: [Point]
  private let negatives: Int

  /// - Parameters:
  ///   - scores: the score of each text.
  ///   - targets: whether the label applies to each text.
  public init(_ scores: [Double], _ targets: [Bool]) {
    Metrics.checkCounts(scores.count, targets.count)
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    let positives = targets.count { $0 }
    var points: [Point] = []
    var counts = MatchCounts(actual: positives)
    for (place, index) in order.enumerated() {
      counts.predicted += 1
      counts.right += targets[index] ? 1 : 0
      let isLast = place + 1 == order.count || scores[order[place + 1]] != scores[index]
      if isLast { points.append(Point(threshold: scores[index], counts: counts)) }
    }
    self.points = points.reversed()
    negatives = targets.count - positives
  }

  /// Whether the label applies to some texts but not to others; otherwise no threshold is meaningful.
  public var isDefined: Bool { negatives > 0 && points.contains { $0.counts.actual > 0 } }

  /// The area under the ROC curve; NaN unless the label applies to some texts but not to others.
  public var rocAUC: Double {
    guard isDefined, let actual = points.first?.counts.actual else { return .nan }
    var (area, right, wrong) = (0.0, 0, 0)
    for point in points.reversed() {
      let nextWrong = point.counts.predicted - point.counts.right
      area += Double(nextWrong - wrong) * Double(point.counts.right + right) / 2
      (right, wrong) = (point.counts.right, nextWrong)
    }
    return area / (Double(actual) * Double(negatives))
  }

  /// Σ (Rₙ − Rₙ₋₁)·Pₙ; NaN if the label never applies.
  public var averagePrecision: Double {
    guard let actual = points.first?.counts.actual, actual > 0 else { return .nan }
    var (sum, recall) = (0.0, 0.0)
    for point in points.reversed() {
      sum += (point.counts.recall - recall) * point.counts.precision
      recall = point.counts.recall
    }
    return sum
  }

  /// The threshold with the best F1, halfway between the adjacent scores; nil if the label never or always applies.
  ///
  /// In case of a tie, the threshold closest to `usual` wins.
  public func best(nearest usual: Double = 0.5) -> (threshold: Double, f1: Double)? {
    guard isDefined else { return nil }
    var best: (threshold: Double, f1: Double)?
    var below = 0.0
    for point in points {
      let threshold = (below + point.threshold) / 2
      let f1 = point.counts.f1
      if let found = best, f1 < found.f1 || f1 == found.f1 && abs(threshold - usual) >= abs(found.threshold - usual) {
        below = point.threshold
        continue
      }
      best = (threshold, f1)
      below = point.threshold
    }
    return best
  }
}
