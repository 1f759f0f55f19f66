/// The tokenized examples of a data file, in order.
public struct TrainingDataset: Sendable {
  public let task: TrainingTask
  public let examples: [TrainingExample]
  /// The line where each example begins, from 1.
  public let lines: [Int]
  /// For evaluating question answering, one per example; empty for other tasks.
  public let questions: [QuestionContext]
  public let truncation: TruncationReport
  /// The maximum number of tokens of a sequence; nil for no limit.
  public let maximumLength: Int?
  /// The skipped records.
  public let faults: DataFaults

  /// The number of texts, or words, with each of `count` labels.
  public func labelCounts(_ count: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    for example in examples {
      switch example.target {
      case .label(let label), .choice(let label): counts[label] += 1
      case .labels(let flags): for (label, flag) in flags.enumerated() where flag { counts[label] += 1 }
      case .tokens(let labels): for label in labels where label != Target.notCounted { counts[Int(label)] += 1 }
      case .value, .span: break
      }
    }
    return counts
  }
}

extension TrainingDataset {
  /// Examples without a file, each counted as a line.
  public init(task: TrainingTask, examples: [TrainingExample]) {
    self.init(
      task: task, examples: examples, lines: examples.indices.map { $0 + 1 }, questions: [],
      truncation: TruncationReport(), maximumLength: nil, faults: DataFaults(path: ""))
  }
}

/// What was truncated to the maximum length.
public struct TruncationReport: Sendable, Hashable {
  /// The number of truncated examples.
  public var examples = 0
  /// The number of truncated tokens.
  public var tokens = 0
  /// The number of words whose tag is not learned: their first token was truncated, or they have none.
  public var words = 0
  /// The number of questions with an answer.
  public var answered = 0
  /// The number of those for which no window contains a complete answer.
  ///
  /// They are not used in training, and evaluation cannot find them.
  public var answers = 0

  public init() {}
}

/// Weights that balance classes.
public enum ClassWeights {
  /// n / (k · count) for each class, where n is the number of examples and k that of the classes that occur.
  ///
  /// Their sum over the examples is n. A class that does not occur has weight 1, which has no effect.
  ///
  /// Source: scikit-learn, `compute_class_weight(class_weight="balanced")`.
  public static func balanced(counts: [Int]) -> [Double] {
    let total = Double(counts.reduce(0, +))
    let classes = Double(counts.count { $0 > 0 })
    return counts.map { $0 > 0 ? total / (classes * Double($0)) : 1 }
  }

  /// (n - count) / count for each label's positives, so that they weigh as much as the negatives.
  ///
  /// A label that applies to all or none of the n examples has weight 1.
  ///
  /// Source: PyTorch, `BCEWithLogitsLoss`, `pos_weight`.
  public static func balancedPositives(counts: [Int], examples: Int) -> [Double] {
    counts.map { 0 < $0 && $0 < examples ? Double(examples - $0) / Double($0) : 1 }
  }
}
