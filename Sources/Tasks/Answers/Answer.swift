/// One head's answer for one text.
///
/// There is a case for each kind of answer; ``AnswerOptions`` control how a head's outputs become one. Encoded, it is
/// an object with one member, named after the case:
///
///     {"label": {"best": {"label": "net", "score": 0.9}, "all": [...]}}
///     {"entities": {"spans": [{"range": [0, 3], "text": "Ada", "label": "PER", "score": 0.8, "all": [...]}]}}
///     {"value": {"value": 0.4}}
public enum Answer: Sendable, Hashable, Codable {
  /// The best label with its score, and the scores of all labels in the head's order; with
  /// ``ClassificationOptions/topK``, the best of them, highest first.
  case label(ScoredLabel, all: [ScoredLabel])
  /// The labels that apply, decided independently, and the scores of all labels, as for ``label(_:all:)``.
  case labels([ScoredLabel], all: [ScoredLabel])
  /// The output of a head with a single one: a regression or a reranker.
  case value(Float)
  /// A label for each word, such as its part of speech.
  case words([LabeledSpan])
  /// Labeled spans of the text, such as names.
  case entities([LabeledSpan])
  /// The predictions for each `[MASK]` of the text.
  case masks([MaskedToken])
  /// The best answer to the text's question, and the best ``QuestionOptions/topK`` answers.
  case answer(ContextAnswer, all: [ContextAnswer])
  /// The index of the most likely choice, from 0, and the probabilities of all (softmax) with their texts, in order.
  case choice(index: Int, all: [ScoredLabel])
  /// The candidate labels of ``ZeroShotOptions`` with their probabilities, highest first.
  case zeroShot([ScoredLabel])

  private enum LabelCodingKeys: String, CodingKey {
    case _0 = "best"
    case all
  }
  private enum LabelsCodingKeys: String, CodingKey {
    case _0 = "chosen"
    case all
  }
  private enum ValueCodingKeys: String, CodingKey { case _0 = "value" }
  private enum WordsCodingKeys: String, CodingKey { case _0 = "spans" }
  private enum EntitiesCodingKeys: String, CodingKey { case _0 = "spans" }
  private enum MasksCodingKeys: String, CodingKey { case _0 = "masks" }
  private enum AnswerCodingKeys: String, CodingKey {
    case _0 = "best"
    case all
  }
  private enum ZeroShotCodingKeys: String, CodingKey { case _0 = "labels" }
}

/// A label and its score.
public struct ScoredLabel: Sendable, Hashable, Codable {
  public let label: String
  public let score: Float

  public init(label: String, score: Float) {
    self.label = label
    self.score = score
  }
}

/// A span of text with its label.
public struct LabeledSpan: Sendable, Hashable, Codable {
  /// Its range in Unicode scalars of the text, as Python counts.
  public let range: Range<Int>
  public let text: String
  public let label: String
  /// The probability of the label; for an entity the mean over its words, or its tokens.
  public let score: Float
  /// The probabilities of all labels in the head's order; for an entity their means.
  public let all: [ScoredLabel]

  public init(range: Range<Int>, text: String, label: String, score: Float, all: [ScoredLabel]) {
    self.range = range
    self.text = text
    self.label = label
    self.score = score
    self.all = all
  }
}

extension Range<Int> {
  /// Converts a range of scalars to string indices.
  ///
  /// ```swift
  /// text[span.range.indices(in: text)]   // equals span.text
  /// ```
  ///
  /// Bounds beyond the text are clamped to its end.
  /// - Complexity: O(scalars before the upper bound).
  public func indices(in text: String) -> Range<String.Index> {
    let scalars = text.unicodeScalars
    let start = scalars.index(scalars.startIndex, offsetBy: lowerBound, limitedBy: scalars.endIndex) ?? scalars.endIndex
    return start..<(scalars.index(start, offsetBy: count, limitedBy: scalars.endIndex) ?? scalars.endIndex)
  }
}

extension [Unicode.Scalar] {
  /// The text of a range.
  func text(_ range: Range<Int>) -> String { String(String.UnicodeScalarView(self[range])) }

  /// A range without leading and trailing white space.
  func trimmed(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, self[start].properties.isWhitespace { start += 1 }
    while start < end, self[end - 1].properties.isWhitespace { end -= 1 }
    return start..<end
  }
}
