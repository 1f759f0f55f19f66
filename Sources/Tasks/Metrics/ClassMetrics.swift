/// Metrics for predictions and targets.
///
/// All are computed in `Double`; predictions and targets are in the same order.
///
/// ## Topics
/// ### Classes
/// - ``accuracy(_:_:)``
/// - ``macroF1(_:_:)``
/// - ``matthews(_:_:)``
/// - ``logLoss(_:_:)``
/// - ``brier(_:_:)``
/// ### Several labels at once
/// - ``exactMatch(_:_:)``
/// - ``microF1(_:_:)``
/// - ``macroF1(flags:_:)``
/// ### Values
/// - ``pearson(_:_:)``
/// - ``spearman(_:_:)``
/// - ``meanSquaredError(_:_:)``
/// - ``meanAbsoluteError(_:_:)``
/// - ``determination(_:_:)``
/// ### Spans
/// - ``spanScores(_:_:)``
/// ### Answers
/// - ``answerMatch(_:_:rules:)``
public enum Metrics {
  /// The fraction of correct predictions; NaN if there are none.
  public static func accuracy(_ predictions: [Int], _ targets: [Int]) -> Double {
    checkCounts(predictions.count, targets.count)
    return Double(zip(predictions, targets).count { $0 == $1 }) / Double(targets.count)
  }

  /// The mean F1 of the classes that occur among the predictions or the targets.
  ///
  /// F1 = 2·TP / (2·TP + FP + FN).
  ///
  /// Source: scikit-learn, `f1_score(average="macro")`.
  public static func macroF1(_ predictions: [Int], _ targets: [Int]) -> Double {
    ClassCounts(predictions, targets).macroF1
  }

  /// Matthews correlation coefficient; 0 if all predictions, or all targets, belong to one class.
  ///
  /// (c·s − Σ pₖ·tₖ) / √((s² − Σ pₖ²) · (s² − Σ tₖ²)), where c of s predictions are correct, and class k is predicted
  /// pₖ times and occurs tₖ times.
  ///
  /// Source: scikit-learn, `matthews_corrcoef`.
  public static func matthews(_ predictions: [Int], _ targets: [Int]) -> Double {
    ClassCounts(predictions, targets).matthews
  }

  // MARK: - Several labels at once

  /// The fraction of examples whose flags are all correct; NaN if there are none.
  public static func exactMatch(_ predictions: [[Bool]], _ targets: [[Bool]]) -> Double {
    checkCounts(predictions.count, targets.count)
    return Double(zip(predictions, targets).count { $0 == $1 }) / Double(targets.count)
  }

  /// F1 over all flags together; 0 if none is set.
  ///
  /// Source: scikit-learn, `f1_score(average="micro")`.
  public static func microF1(_ predictions: [[Bool]], _ targets: [[Bool]]) -> Double {
    ClassCounts(predictions, targets).micro.f1
  }

  /// The mean F1 of all labels; that of a label that never occurs is 0.
  ///
  /// Source: scikit-learn, `f1_score(average="macro")` on indicators.
  public static func macroF1(flags predictions: [[Bool]], _ targets: [[Bool]]) -> Double {
    ClassCounts(predictions, targets).sumOfF1 / Double(targets.first?.count ?? 0)
  }

  static func checkCounts(_ predictions: Int, _ targets: Int) {
    precondition(predictions == targets, "\(predictions) predictions are compared with \(targets) targets")
  }
}

/// Counts per class.
struct ClassCounts {
  /// The classes that occur.
  private(set) var all: [Int: MatchCounts]

  init(_ all: [Int: MatchCounts] = [:]) { self.all = all }

  var micro: MatchCounts { all.values.reduce(MatchCounts(), +) }

  /// See ``Metrics/macroF1(_:_:)``.
  var macroF1: Double { sumOfF1 / Double(all.count) }

  /// In class order, so that equal counts give equal bits.
  var sumOfF1: Double { all.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value.f1 } }

  /// See ``Metrics/matthews(_:_:)``.
  var matthews: Double {
    func sum(_ term: (MatchCounts) -> Int) -> Double { all.values.reduce(0) { $0 + Double(term($1)) } }
    let size = sum(\.actual)
    let covariance = sum(\.right) * size - sum { $0.predicted * $0.actual }
    let spread = (size * size - sum { $0.predicted * $0.predicted }) * (size * size - sum { $0.actual * $0.actual })
    return spread == 0 ? 0 : covariance / spread.squareRoot()
  }

  init(_ predictions: [Int], _ targets: [Int]) {
    self.init()
    Metrics.checkCounts(predictions.count, targets.count)
    for (prediction, target) in zip(predictions, targets) {
      all[prediction, default: MatchCounts()].predicted += 1
      all[target, default: MatchCounts()].actual += 1
      if prediction == target { all[target, default: MatchCounts()].right += 1 }
    }
  }

  init(_ predictions: [[Bool]], _ targets: [[Bool]]) {
    self.init()
    Metrics.checkCounts(predictions.count, targets.count)
    for (prediction, target) in zip(predictions, targets) {
      precondition(prediction.count == target.count, "\(prediction.count) flags are compared with \(target.count)")
      for (label, flags) in zip(prediction, target).enumerated() where flags.0 || flags.1 {
        all[label, default: MatchCounts()].predicted += flags.0 ? 1 : 0
        all[label, default: MatchCounts()].actual += flags.1 ? 1 : 0
        all[label, default: MatchCounts()].right += flags.0 && flags.1 ? 1 : 0
      }
    }
  }
}
