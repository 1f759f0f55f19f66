/// How the labels of tokens become spans of a text, as the pipeline of transformers has it.
public enum AggregationStrategy: String, Sendable, Hashable, CaseIterable, Codable {
  /// A span for each token, with its label as it is.
  case none
  /// Neighboring tokens of one kind are a span.
  case simple
  /// Words are labeled by their first token; neighboring words of one kind are a span.
  case first
  /// Words are labeled by the mean of their tokens' probabilities.
  case average
  /// Words are labeled by the token that is surest of its label.
  case max
}

/// How the outputs of a head that labels tokens become an answer.
public struct TaggingOptions: Sendable, Hashable {
  /// Nil: words are labeled by their first token, as in training; a label set that is a ``TagScheme`` gives entities,
  /// and any other a span for each word.
  public var aggregationStrategy: AggregationStrategy?
  /// What gets no span: kinds, or with ``AggregationStrategy/none`` labels as they are; nil: `O`. Words that each have
  /// a span are left out only if their label is named here.
  public var ignoreLabels: Set<String>?
  /// The tokens that windows over a long text share; nil: the text is cut.
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
  /// What ``ignoreLabels`` may name for a head with some labels: the labels, or the kinds that spans have.
  public func ignorableLabels(_ labels: [String]) -> [String] {
    guard aggregationStrategy != AggregationStrategy.none else { return labels }
    let scheme = aggregationStrategy == nil ? TagScheme(labels) : TagScheme(literal: labels)
    guard let scheme else { return labels }
    var known: Set<String> = []
    return scheme.tags.map(\.kind).filter { known.insert($0).inserted }
  }
}
