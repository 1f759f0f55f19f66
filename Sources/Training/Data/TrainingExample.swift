internal import Tokenization

/// An example in tokens: what a model reads, and what it should answer.
public struct TrainingExample: Sendable, Hashable {
  /// One; for multiple choice one for each choice, and for the evaluation of questions one for each window.
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
  /// The first and the last token of the answer; both 0 if the window has none.
  case span(start: Int, end: Int)
  /// The place of the right choice.
  case choice(Int)

  /// Stands for tokens that are not asked.
  public static let notCounted: Int32 = -100
}

extension Target {
  /// The predictions and the targets of the tokens that are counted: for tagging, one for each word.
  ///
  /// - Parameter predictions: one for each token. Only for targets that are ``tokens(_:)``.
  public func words(_ predictions: [Int]) -> (predictions: [Int], targets: [Int]) {
    guard case .tokens(let targets) = self else { preconditionFailure("\(self) has no tokens") }
    precondition(predictions.count == targets.count, "a prediction for each token")
    let counted = targets.indices.filter { targets[$0] != Target.notCounted }
    return (counted.map { predictions[$0] }, counted.map { Int(targets[$0]) })
  }
}
