public import Tokenization

/// What the answer to a question is judged by.
public struct QuestionReference: Sendable, Hashable {
  /// The texts of which any is right; none if the context does not answer.
  public let answers: [String]
  /// Where the tokens of the context stand in it, in scalars; nil for all other tokens.
  public let offsets: [Range<Int>?]
  private let context: [Unicode.Scalar]

  /// The tokens of a question with its context as the pair.
  public init(_ encoding: Encoding, context: String, answers: [String] = []) {
    let offsets = zip(encoding.offsets, encoding.sequence).map { $1 == 1 ? $0 : nil }
    self.init(context: context, offsets: offsets, answers: answers)
  }

  public init(context: String, offsets: [Range<Int>?], answers: [String]) {
    self.context = Array(context.unicodeScalars)
    self.offsets = offsets
    self.answers = answers
  }

  /// Where the part of the context from a token to another stands, in scalars; nil if one of them is not of the context.
  public func range(start: Int, end: Int) -> Range<Int>? {
    guard offsets.indices.contains(start), offsets.indices.contains(end), start <= end,
      let first = offsets[start], let last = offsets[end]
    else { return nil }
    return min(first.lowerBound, context.count)..<min(max(first.lowerBound, last.upperBound), context.count)
  }

  /// The part of the context from a token to another; empty if one of them is not of the context.
  public func text(start: Int, end: Int) -> String {
    range(start: start, end: end).map { String(String.UnicodeScalarView(context[$0])) } ?? ""
  }

  /// The most likely answer: the span of the context with the largest sum of its two logits, or none if that
  /// of the first token is larger.
  ///
  /// - Parameters:
  ///   - starts: the logits of the tokens as the answer's first.
  ///   - ends: the same as its last.
  ///   - limit: the most tokens of an answer.
  ///   - allowsNone: whether there can be no answer, as in SQuAD v2.
  /// - Returns: the first and the last token; 0 and 0 for no answer.
  /// - Complexity: O(tokens · limit).
  public func bestSpan(
    starts: [Float], ends: [Float], limit: Int = 30, allowsNone: Bool = true
  ) -> (start: Int, end: Int) {
    precondition(starts.count == offsets.count && ends.count == offsets.count, "a logit for each token")
    var best = (start: 0, end: 0)
    var bestScore = allowsNone && !starts.isEmpty ? starts[0] + ends[0] : -Float.infinity
    for start in offsets.indices where offsets[start] != nil {
      for end in start..<min(start + limit, offsets.count) where offsets[end] != nil {
        let score = starts[start] + ends[end]
        if score > bestScore {
          bestScore = score
          best = (start, end)
        }
      }
    }
    return best
  }
}
