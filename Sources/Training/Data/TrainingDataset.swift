/// The examples of a data file in tokens, in their order.
public struct TrainingDataset: Sendable {
  public let task: TrainingTask
  public let examples: [TrainingExample]
  /// Where each example begins in its file; the first line is 1.
  public let lines: [Int]
  /// What the answers to questions are judged by, one for each example of an evaluation; empty for other tasks.
  public let questions: [QuestionContext]
  public let truncation: TruncationReport
  /// The most tokens of a sequence; nil for no limit.
  public let maximumLength: Int?
  /// The records that were left out.
  public let faults: DataFaults

  /// How often each of `count` labels is the answer: of texts, or of words.
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
  /// Examples that were made without a file, each taken for a line.
  public init(task: TrainingTask, examples: [TrainingExample]) {
    self.init(
      task: task, examples: examples, lines: examples.indices.map { $0 + 1 }, questions: [],
      truncation: TruncationReport(), maximumLength: nil, faults: DataFaults(path: ""))
  }
}

/// What was cut off to respect the maximum length.
public struct TruncationReport: Sendable, Hashable {
  /// Examples of which tokens were cut off.
  public var examples = 0
  /// Tokens that were cut off.
  public var tokens = 0
  /// Words whose tag is not learnt: their first token was cut off, or they have none.
  public var words = 0
  /// Questions that have an answer.
  public var answered = 0
  /// Those of which no window holds an answer whole. Nothing is learned from them, and evaluation cannot find them.
  public var answers = 0

  public init() {}
}

/// Weights that let every class count alike.
public enum ClassWeights {
  /// n / (k · count) for each class, where n counts the examples and k the classes that occur.
  ///
  /// Their sum over the examples is n. A class that does not occur has the weight 1: it is the target of no example.
  ///
  /// Source: scikit-learn, `compute_class_weight(class_weight="balanced")`.
  public static func balanced(counts: [Int]) -> [Double] {
    let total = Double(counts.reduce(0, +))
    let classes = Double(counts.count { $0 > 0 })
    return counts.map { $0 > 0 ? total / (classes * Double($0)) : 1 }
  }

  /// (n - count) / count for the positives of each label, so that they weigh as much as the negatives.
  ///
  /// A label that applies to all of the n examples, or to none, has the weight 1.
  ///
  /// Source: PyTorch, `BCEWithLogitsLoss`, `pos_weight`.
  public static func balancedPositives(counts: [Int], examples: Int) -> [Double] {
    counts.map { 0 < $0 && $0 < examples ? Double(examples - $0) / Double($0) : 1 }
  }
}
