/// Counts of predicted classes for each actual class.
public struct ConfusionMatrix: Sendable, Hashable {
  public let labels: [String]
  /// One row per actual class, one column per predicted class.
  public let counts: [[Int]]

  /// - Parameters:
  ///   - predictions: class indices; those beyond the labels are a programming error.
  ///   - targets: the actual class indices.
  ///   - labels: the names of the classes.
  public init(_ predictions: [Int], _ targets: [Int], labels: [String]) {
    Metrics.checkCounts(predictions.count, targets.count)
    var counts = [[Int]](repeating: Array(repeating: 0, count: labels.count), count: labels.count)
    for (prediction, target) in zip(predictions, targets) { counts[target][prediction] += 1 }
    self.labels = labels
    self.counts = counts
  }

  private init(labels: [String], counts: [[Int]]) { (self.labels, self.counts) = (labels, counts) }

  /// The matrix without classes that are neither predicted nor actual.
  public var occurring: ConfusionMatrix {
    let kept = labels.indices.filter { label in
      counts[label].contains { $0 > 0 } || counts.contains { $0[label] > 0 }
    }
    return ConfusionMatrix(
      labels: kept.map { labels[$0] }, counts: kept.map { row in kept.map { counts[row][$0] } })
  }

  /// The most frequently confused pairs of classes, most frequent first.
  public var confusions: [(actual: String, predicted: String, count: Int)] {
    var pairs: [(actual: Int, predicted: Int, count: Int)] = []
    for row in labels.indices {
      for column in labels.indices where row != column && counts[row][column] > 0 {
        pairs.append((row, column, counts[row][column]))
      }
    }
    pairs.sort { ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted) }
    return pairs.map { (labels[$0.actual], labels[$0.predicted], $0.count) }
  }

  /// The mean recall of the classes that occur.
  ///
  /// Source: scikit-learn, `balanced_accuracy_score`.
  public var balancedAccuracy: Double {
    let recalls = counts.enumerated().compactMap { row, counts -> Double? in
      let total = counts.reduce(0, +)
      return total == 0 ? nil : Double(counts[row]) / Double(total)
    }
    return recalls.reduce(0, +) / Double(recalls.count)
  }

  /// Cohen's kappa: agreement beyond chance, (p − e) / (1 − e).
  ///
  /// Source: scikit-learn, `cohen_kappa_score`.
  public var kappa: Double {
    let total = Double(counts.joined().reduce(0, +))
    let agreement = labels.indices.reduce(0.0) { $0 + Double(counts[$1][$1]) } / total
    let chance = labels.indices.reduce(0.0) { sum, label in
      sum + Double(counts[label].reduce(0, +)) * Double(counts.reduce(0) { $0 + $1[label] }) / (total * total)
    }
    return (agreement - chance) / (1 - chance)
  }
}
