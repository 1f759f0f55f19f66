/// A span of a context that answers a question.
public struct AnswerSpan: Sendable, Hashable {
  public let text: String
  /// In scalars of the context.
  public let range: Range<Int>

  public init(text: String, range: Range<Int>) {
    self.text = text
    self.range = range
  }
}
