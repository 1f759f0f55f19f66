public import Heads

/// How the outputs of a head that classifies texts become an answer.
public struct ClassificationOptions: Sendable, Hashable {
  /// How many labels have scores, the highest first; nil: all, in the head's order.
  public var topK: Int?
  /// What makes scores of the outputs; nil: the head's own function.
  public var functionToApply: ScoreFunction?
  /// The score above which a label of a multi-label head applies; nil: the head's own thresholds.
  public var threshold: Float?

  public init(topK: Int? = nil, functionToApply: ScoreFunction? = nil, threshold: Float? = nil) {
    self.topK = topK
    self.functionToApply = functionToApply
    self.threshold = threshold
  }
}

extension Answer {
  /// The answer of a head that classifies.
  ///
  /// A multi-label head decides by its own probabilities, whatever function makes the scores that are given, unless
  /// there is a ``ClassificationOptions/threshold``: it applies to the scores.
  ///
  /// - Parameters:
  ///   - outputs: the head's, all finite.
  ///   - settings: the head's.
  ///   - options: what is given, and which labels apply.
  public init(classes outputs: [Float], _ settings: HeadSettings, _ options: ClassificationOptions) {
    let own = settings.meaning.score.scores(outputs)
    let scores = options.functionToApply?.scores(outputs) ?? own
    if settings.givesValue {
      self = .value(scores[0])
      return
    }
    let labels = zip(settings.labelNames, scores).map { ScoredLabel(label: $0, score: $1) }
    let given = options.topK.map { Array(labels.highestFirst.prefix($0)) } ?? labels
    guard settings.meaning.score == .sigmoid else {
      self = .label(labels[outputs.placeOfLargest], all: given)
      return
    }
    let thresholds = settings.thresholds ?? labels.map { _ in 0.5 }
    let applies = labels.indices.filter { label in
      options.threshold.map { scores[label] > $0 } ?? (own[label] > thresholds[label])
    }
    self = .labels(applies.map { labels[$0] }, all: given)
  }
}

extension HeadSettings {
  /// Whether the answer is a number: there is one output, of a regression or a reranker.
  public var givesValue: Bool { kind == .classification && outputs == 1 }
}

extension [ScoredLabel] {
  /// In order of their scores; equal ones keep their order.
  var highestFirst: [ScoredLabel] {
    enumerated().sorted { ($0.element.score, $1.offset) > ($1.element.score, $0.offset) }.map(\.element)
  }
}

extension [Float] {
  /// The place of the largest value, the first of equals; 0 for none.
  var placeOfLargest: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}
