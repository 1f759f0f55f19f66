internal import Tensors

/// A bootstrap confidence interval for a metric.
public struct ConfidenceInterval: Sendable, Hashable {
  public let lower: Double
  public let upper: Double
  /// The fraction of resampled values between the bounds: 0.95.
  public let level: Double

  /// The central interval of some values, interpolated linearly; nil if none of them is a number.
  init?(_ values: [Double], level: Double) {
    let sorted = values.filter { !$0.isNaN }.sorted()
    guard !sorted.isEmpty else { return nil }
    func quantile(_ share: Double) -> Double {
      let place = share * Double(sorted.count - 1)
      let low = Int(place)
      let high = min(low + 1, sorted.count - 1)
      return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }
    lower = quantile((1 - level) / 2)
    upper = quantile((1 + level) / 2)
    self.level = level
  }
}

/// The number of bootstrap samples, and their seed.
public struct Resampling: Sendable, Hashable {
  /// 0: no intervals.
  public var count: Int
  public var seed: UInt64
  /// The fraction of resampled values that an interval contains.
  public var level: Double

  public init(count: Int = 1_000, seed: UInt64 = 0, level: Double = 0.95) {
    (self.count, self.seed, self.level) = (count, seed, level)
  }
}

extension Outcomes {
  /// The interval of each metric by name, from samples of the same size drawn with replacement.
  ///
  /// - Complexity: O(count · examples).
  public func intervals(_ resampling: Resampling = Resampling()) -> [String: ConfidenceInterval] {
    var random = RandomNumbers(seed: resampling.seed)
    var values: [String: [Double]] = [:]
    let sums = sums
    for _ in 0..<resampling.count {
      for metric in sums.result(sums.resampled(&random)).metrics {
        values[metric.name, default: []].append(metric.value)
      }
    }
    return values.compactMapValues { ConfidenceInterval($0, level: resampling.level) }
  }
}

/// A paired comparison of two setups on the same examples.
public struct PairedComparison: Sendable, Hashable {
  /// The metric that is compared.
  public let metric: String
  public let first, second: Double
  /// The interval of the second value minus the first, by a paired bootstrap; nil if it was not computed.
  public let interval: ConfidenceInterval?
  /// The probability of a difference at least this large if both setups were equivalent: a permutation test that swaps
  /// the answers of the two at random.
  public let pValue: Double
  /// The number of examples that only one of them answers correctly; nil if that does not apply to the task.
  public let onlyFirst, onlySecond: Int?

  /// The second value minus the first.
  public var difference: Double { second - first }

  /// - Throws: ``ComparisonError``, if the outcomes belong to different examples.
  public init(_ first: Outcomes, _ second: Outcomes, _ resampling: Resampling = Resampling()) throws(ComparisonError) {
    guard first.task == second.task else { throw .tasks(first.task, second.task) }
    guard first.labels == second.labels else { throw .labels(first.labels, second.labels) }
    guard first.all.count == second.all.count, zip(first.all, second.all).allSatisfy({ $0.hasSameAnswer(as: $1) })
    else { throw .examples(first.all.count, second.all.count) }
    let (a, b) = (first.sums, second.sums)
    let name = a.result(a.total).primary.name
    func value(_ sums: OutcomeSums, _ amounts: [Double]) -> Double { sums.result(amounts)[name] ?? .nan }
    metric = name
    self.first = value(a, a.total)
    self.second = value(b, b.total)

    let none = [Double](repeating: 0, count: max(a.size, b.size))
    var random = RandomNumbers(seed: resampling.seed)
    let indices = first.all.indices
    var differences: [Double] = []
    for _ in 0..<resampling.count {
      var (sumsA, sumsB) = (none, none)
      for _ in indices {
        let index = random.below(indices.count)
        a.add(index, to: &sumsA)
        b.add(index, to: &sumsB)
      }
      differences.append(value(b, sumsB) - value(a, sumsA))
    }
    interval = ConfidenceInterval(differences, level: resampling.level)

    let found = abs(self.second - self.first)
    var asLarge = 0
    for _ in 0..<resampling.count {
      var (sumsA, sumsB) = (none, none)
      for index in indices {
        let isExchanged = random.next() & 1 == 1
        (isExchanged ? b : a).add(index, to: &sumsA)
        (isExchanged ? a : b).add(index, to: &sumsB)
      }
      if abs(value(b, sumsB) - value(a, sumsA)) >= found - 1e-12 { asLarge += 1 }
    }
    pValue = Double(asLarge + 1) / Double(resampling.count + 1)

    let right = indices.map { (first.isRight($0), second.isRight($0)) }
    let isKnown = right.allSatisfy { $0.0 != nil && $0.1 != nil }
    onlyFirst = isKnown ? right.count { $0.0 == true && $0.1 == false } : nil
    onlySecond = isKnown ? right.count { $0.0 == false && $0.1 == true } : nil
  }
}

extension Outcome {
  /// Whether both have the same correct answer.
  fileprivate func hasSameAnswer(as other: Outcome) -> Bool {
    switch (self, other) {
    case (.label(_, let a, _), .label(_, let b, _)): a == b
    case (.labels(_, let a, _), .labels(_, let b, _)): a == b
    case (.value(_, let a), .value(_, let b)): a == b
    case (.words(_, let a, _), .words(_, let b, _)): a == b
    case (.answer(_, let a, _), .answer(_, let b, _)): a == b
    case (.pieces(let a), .pieces(let b)): a.count == b.count
    default: false
    }
  }
}

/// Why two setups cannot be compared.
public enum ComparisonError: Error, Hashable, Sendable, CustomStringConvertible {
  case tasks(TrainingTask, TrainingTask)
  case labels([String], [String])
  case examples(Int, Int)

  public var description: String {
    switch self {
    case .tasks(let first, let second):
      "The heads have different tasks, \(first.rawValue) and \(second.rawValue): they cannot be compared."
    case .labels(let first, let second):
      "The heads have different labels (\(first.count) and \(second.count), or in another order): they cannot be "
        + "compared. Name them alike with --labels."
    case .examples(let first, let second):
      "The heads were not evaluated on the same examples (\(first) and \(second)): some were left out, or cut otherwise. "
        + "Give both the same --max-length."
    }
  }
}
