/// How token labels become spans of a text, as in transformers' pipeline.
public enum AggregationStrategy: String, Sendable, Hashable, CaseIterable, Codable {
  /// One span per token, with its raw label.
  case none
  /// Consecutive tokens of one kind form a span.
  case simple
  /// Words are labeled by their first token; consecutive words of one kind form a span.
  case first
  /// Words are labeled by the mean of their tokens' probabilities.
  case average
  /// Words are labeled by their most confident token.
  case max
}

/// How a token classification head's outputs become an answer.
public struct TaggingOptions: Sendable, Hashable {
  /// Nil: words are labeled by their first token, as in training; a label set that is a ``TagScheme`` gives entities,
  /// and any other gives one span per word.
  public var aggregationStrategy: AggregationStrategy?
  /// Kinds without spans, or raw labels with ``AggregationStrategy/none``; nil: `O`.
  ///
  /// If every word has a span, only words with the labels listed here are omitted.
  public var ignoreLabels: Set<String>?
  /// The number of tokens shared by consecutive windows of a long text; nil: the text is truncated.
  public var stride: Int?

  public init(
    aggregationStrategy: AggregationStrategy? = nil, ignoreLabels: Set<String>? = nil, stride: Int? = nil
  ) {
    self.aggregationStrategy = aggregationStrategy
    self.ignoreLabels = ignoreLabels
    self.stride = stride
  }
}

extension TaggingOptions {
  /// The possible values of ``ignoreLabels`` for a label set: its labels, or the kinds of spans.
  public func ignorableLabels(_ labels: [String]) -> [String] {
    guard aggregationStrategy != AggregationStrategy.none else { return labels }
    let scheme = aggregationStrategy == nil ? TagScheme(labels) : TagScheme(literal: labels)
    guard let scheme else { return labels }
    var known: Set<String> = []
    return scheme.tags.map(\.kind).filter { known.insert($0).inserted }
  }
}
