extension Metrics {
  /// Pearson's correlation coefficient; NaN if all predictions, or all targets, are equal.
  public static func pearson(_ predictions: [Double], _ targets: [Double]) -> Double {
    checkCounts(predictions.count, targets.count)
    let x = centred(predictions)
    let y = centred(targets)
    let spread = (product(x, x) * product(y, y)).squareRoot()
    return spread == 0 ? .nan : product(x, y) / spread
  }

  /// Spearman's correlation coefficient: Pearson's of the ranks, with mean ranks for ties.
  public static func spearman(_ predictions: [Double], _ targets: [Double]) -> Double {
    pearson(ranks(predictions), ranks(targets))
  }

  /// The mean of (prediction − target)²; NaN if there are none.
  public static func meanSquaredError(_ predictions: [Double], _ targets: [Double]) -> Double {
    checkCounts(predictions.count, targets.count)
    return zip(predictions, targets).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(targets.count)
  }

  /// The mean of |prediction − target|; NaN if there are none.
  public static func meanAbsoluteError(_ predictions: [Double], _ targets: [Double]) -> Double {
    checkCounts(predictions.count, targets.count)
    return zip(predictions, targets).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(targets.count)
  }

  /// The coefficient of determination R²: 1 − Σ (t − p)² / Σ (t − t̄)²; NaN if all targets are equal.
  ///
  /// Source: scikit-learn, `r2_score`.
  public static func determination(_ predictions: [Double], _ targets: [Double]) -> Double {
    let residual = meanSquaredError(predictions, targets) * Double(targets.count)
    let spread = product(centred(targets), centred(targets))
    return spread == 0 ? .nan : 1 - residual / spread
  }

  /// The rank of each value, from 1.
  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      let end = order[start...].firstIndex { values[$0] != values[order[start]] } ?? order.count
      let next = max(end, start + 1)  // a value that is no number differs from itself
      for place in start..<next { ranks[order[place]] = Double(start + next + 1) / 2 }
      start = next
    }
    return ranks
  }

  private static func centred(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0, +) / Double(values.count)
    return values.map { $0 - mean }
  }

  private static func product(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
}
