internal import Tokenization

/// An example in tokens: what a model reads, and what it should answer.
public struct TrainingExample: Sendable, Hashable {
  /// One; for multiple choice one for each choice.
  public var sequences: [TokenSequence]
  public var target: Target

  public init(sequences: [TokenSequence], target: Target) {
    self.sequences = sequences
    self.target = target
  }

  /// The tokens of all sequences.
  public var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }
}

/// The tokens of one text, or of a text and its pair, with the specials around.
public struct TokenSequence: Sendable, Hashable {
  public var ids: [Int32]
  /// 0 for the text, 1 for the pair; one for each token.
  public var tokenTypes: [Int32]

  public init(ids: [Int32], tokenTypes: [Int32]) {
    precondition(ids.count == tokenTypes.count, "\(ids.count) tokens have \(tokenTypes.count) types")
    self.ids = ids
    self.tokenTypes = tokenTypes
  }

  init(_ encoding: Encoding) { self.init(ids: encoding.ids, tokenTypes: encoding.tokenTypeIDs) }
}

/// What a model should answer to an example.
public enum Target: Sendable, Hashable {
  /// The class of the text.
  case label(Int)
  /// Whether each label applies.
  case labels([Bool])
  /// The value of the text.
  case value(Float)
  /// One for each token: the tag of a word at its first token, or the id that was masked; ``notCounted`` elsewhere.
  case tokens([Int32])
  /// The first and the last token of the answer; both 0 where the context has no answer or it was cut off.
  case span(start: Int, end: Int)
  /// The place of the right choice.
  case choice(Int)

  /// Stands for tokens that are not asked.
  public static let notCounted: Int32 = -100
}
