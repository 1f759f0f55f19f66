/// An example as a data file holds it, before it is cut into tokens.
public struct SourceExample: Sendable, Hashable {
  /// What is asked.
  public enum Content: Sendable, Hashable {
    case text(String, pair: String?)
    case words(Sentence)
    case question(String, context: String)
    case choices(prompt: String, [String])
  }

  /// What is to be answered.
  public enum Answer: Sendable, Hashable {
    /// Nothing: masked language models learn from the text.
    case none
    case label(GivenLabel)
    case labels(MultipleLabels)
    case value(Float)
    /// A label for each word; nil for one that is not counted.
    case tags([GivenLabel?])
    /// Any of these is right; none if the context does not answer.
    case answers([AnswerSpan])
    case choice(Int)
  }

  /// Where the example begins in its file; the first line is 1.
  public let line: Int
  public let content: Content
  public let answer: Answer

  public init(line: Int, content: Content, answer: Answer) {
    self.line = line
    self.content = content
    self.answer = answer
  }
}
