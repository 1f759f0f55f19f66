public import Tokenization

extension DebertaV2Tokenizer {
  /// Cuts a question with its context into tokens. Only the context gives up tokens, from its end.
  ///
  /// Training, evaluation and prediction read questions so.
  /// - Parameters:
  ///   - question: the first text; it stays whole.
  ///   - context: the second one.
  ///   - maximumLength: the most tokens, specials included; nil for no limit.
  /// - Throws: `QuestionError`.
  public func encode(
    question: String, context: String, maximumLength: Int? = nil
  ) throws(QuestionError) -> Encoding {
    var encoding: Encoding
    do { encoding = try encode(question, pair: context) } catch { throw .tokenizer(error) }
    guard let maximumLength, encoding.ids.count > maximumLength else { return encoding }
    let excess = encoding.ids.count - maximumLength
    let contextTokens = encoding.sequence.count { $0 == 1 }
    guard excess < contextTokens else {
      throw .noRoom(question: encoding.ids.count - contextTokens, limit: maximumLength)
    }
    encoding.removeBeforeLast(excess)
    return encoding
  }
}

/// Why a question cannot be read with its context.
public enum QuestionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No token of the context is left; the question has so many, the specials included.
  case noRoom(question: Int, limit: Int)
  case tokenizer(TokenizerError)

  public var description: String {
    switch self {
    case .noRoom(let question, let limit):
      "the question takes \(question) tokens with its specials, and leaves no room for the context in \(limit)."
    case .tokenizer(let error): error.description
    }
  }
}

extension Encoding {
  /// Leaves out tokens that stand before the last one, `[SEP]`.
  fileprivate mutating func removeBeforeLast(_ count: Int) {
    let cut = ids.count - 1 - count..<ids.count - 1
    ids.removeSubrange(cut)
    tokenTypeIDs.removeSubrange(cut)
    tokens.removeSubrange(cut)
    offsets.removeSubrange(cut)
    sequence.removeSubrange(cut)
    words.removeSubrange(cut)
    truncatedTokens += count
  }
}
