public import Heads

/// How a text classification head's outputs become an answer.
public struct ClassificationOptions: Sendable, Hashable {
  /// The number of labels to return with scores, highest first; nil: all, in the head's order.
  public var topK: Int?
  /// The function that turns outputs into scores; nil: the head's own.
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
  /// The answer of a classification head.
  ///
  /// A multi-label head decides by its own probabilities, whatever function computes the returned scores, unless there
  /// is a ``ClassificationOptions/threshold``, which applies to the scores.
  ///
  /// - Parameters:
  ///   - outputs: the head's outputs, all finite.
  ///   - settings: the head's settings.
  ///   - options: what to return, and which labels apply.
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
  /// Whether the answer is a number: the single output of a regression or reranker.
  public var givesValue: Bool { kind == .classification && outputs == 1 }
}

extension [ScoredLabel] {
  /// Sorted by score, highest first; a stable sort.
  var highestFirst: [ScoredLabel] {
    enumerated().sorted { ($0.element.score, $1.offset) > ($1.element.score, $0.offset) }.map(\.element)
  }
}

extension [Float] {
  /// The index of the largest value, the first in case of a tie; 0 if empty.
  var placeOfLargest: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}
