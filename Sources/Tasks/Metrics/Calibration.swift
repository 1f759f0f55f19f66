internal import Glibc

/// Whether probabilities match observed accuracy.
///
/// Predictions are sorted by probability into bins (lo, hi] of equal width. If perfectly calibrated, each bin's
/// accuracy equals its mean probability.
///
/// Source: Guo et al., "On Calibration of Modern Neural Networks" (2017).
public struct Calibration: Sendable, Hashable {
  public struct Bin: Sendable, Hashable {
    public let low, high: Double
    public let count: Int
    /// The mean probability of its predictions.
    public let confidence: Double
    /// The fraction of them that is correct.
    public let accuracy: Double
  }

  /// The nonempty bins, from low to high.
  public let bins: [Bin]

  /// - Parameters:
  ///   - confidences: the probability of each prediction.
  ///   - isRight: whether each prediction is correct.
  ///   - count: the number of bins.
  public init(_ confidences: [Double], _ isRight: [Bool], bins count: Int = 15) {
    Metrics.checkCounts(confidences.count, isRight.count)
    var sums = [(count: Int, confidence: Double, right: Int)](repeating: (0, 0, 0), count: count)
    for (confidence, isRight) in zip(confidences, isRight) {
      let bin = min(count - 1, max(0, Int((confidence * Double(count)).rounded(.up)) - 1))
      sums[bin].count += 1
      sums[bin].confidence += confidence
      sums[bin].right += isRight ? 1 : 0
    }
    bins = sums.enumerated().compactMap { bin, sum in
      sum.count == 0
        ? nil
        : Bin(
          low: Double(bin) / Double(count), high: Double(bin + 1) / Double(count), count: sum.count,
          confidence: sum.confidence / Double(sum.count), accuracy: Double(sum.right) / Double(sum.count))
    }
  }

  /// The expected calibration error: the mean gap between accuracy and confidence, weighted by predictions.
  public var expectedError: Double {
    let total = Double(bins.reduce(0) { $0 + $1.count })
    return bins.reduce(0) { $0 + Double($1.count) / total * abs($1.accuracy - $1.confidence) }
  }

  /// The largest gap of a bin.
  public var maximumError: Double { bins.map { abs($0.accuracy - $0.confidence) }.max() ?? 0 }
}

extension Metrics {
  /// The mean of −log p of the correct class.
  ///
  /// Source: scikit-learn, `log_loss`.
  public static func logLoss(_ probabilities: [[Double]], _ targets: [Int]) -> Double {
    checkCounts(probabilities.count, targets.count)
    return zip(probabilities, targets).reduce(0) { $0 - log(max($1.0[$1.1], .leastNormalMagnitude)) }
      / Double(targets.count)
  }

  /// The mean of (probability − outcome)².
  public static func brier(_ probabilities: [Double], _ targets: [Bool]) -> Double {
    meanSquaredError(probabilities, targets.map { $0 ? 1 : 0 })
  }
}
