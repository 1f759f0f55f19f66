/// An example as read from a data file, before tokenization.
public struct SourceExample: Sendable, Hashable {
  /// The input of the example.
  public enum Content: Sendable, Hashable {
    case text(String, pair: String?)
    case words(Sentence)
    case question(String, context: String)
    case choices(prompt: String, [String])
  }

  /// The expected answer.
  public enum Answer: Sendable, Hashable {
    /// None: masked language models learn from the text.
    case none
    case label(GivenLabel)
    case labels(MultipleLabels)
    case value(Float)
    /// A label for each word; nil for one that is ignored.
    case tags([GivenLabel?])
    /// The correct answers; none if the context does not answer.
    case answers([AnswerSpan])
    case choice(Int)
  }

  /// The line where the example begins, from 1.
  public let line: Int
  public let content: Content
  public let answer: Answer

  public init(line: Int, content: Content, answer: Answer) {
    self.line = line
    self.content = content
    self.answer = answer
  }
}
