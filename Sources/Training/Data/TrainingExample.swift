internal import Tokenization

/// A tokenized example: the model's input and target.
public struct TrainingExample: Sendable, Hashable {
  /// One; for multiple choice one per choice, and for evaluating questions one per window.
  public var sequences: [TokenSequence]
  public var target: Target

  public init(sequences: [TokenSequence], target: Target) {
    self.sequences = sequences
    self.target = target
  }

  /// The number of tokens in all sequences.
  public var tokenCount: Int { sequences.reduce(0) { $0 + $1.ids.count } }
}

/// The tokens of a text, or of a text and its pair, with special tokens.
public struct TokenSequence: Sendable, Hashable {
  public var ids: [Int32]
  /// 0 for the text, 1 for the pair; one per token.
  public var tokenTypes: [Int32]

  public init(ids: [Int32], tokenTypes: [Int32]) {
    precondition(ids.count == tokenTypes.count, "\(ids.count) tokens have \(tokenTypes.count) types")
    self.ids = ids
    self.tokenTypes = tokenTypes
  }

  init(_ encoding: Encoding) { self.init(ids: encoding.ids, tokenTypes: encoding.tokenTypeIDs) }
}

/// The expected output for an example.
public enum Target: Sendable, Hashable {
  /// The class of the text.
  case label(Int)
  /// Whether each label applies.
  case labels([Bool])
  /// The value of the text.
  case value(Float)
  /// One per token: the tag of a word at its first token, or the masked id; ``notCounted`` elsewhere.
  case tokens([Int32])
  /// The first and the last token of the answer; both 0 if the window has none.
  case span(start: Int, end: Int)
  /// The index of the correct choice.
  case choice(Int)

  /// Marks tokens without a target.
  public static let notCounted: Int32 = -100
}

extension Target {
  /// The predictions and targets of the tokens with a target: for tagging, one per word.
  ///
  /// - Parameter predictions: one per token. Only for targets that are ``tokens(_:)``.
  public func words(_ predictions: [Int]) -> (predictions: [Int], targets: [Int]) {
    guard case .tokens(let targets) = self else { preconditionFailure("\(self) has no tokens") }
    precondition(predictions.count == targets.count, "a prediction for each token")
    let counted = targets.indices.filter { targets[$0] != Target.notCounted }
    return (counted.map { predictions[$0] }, counted.map { Int(targets[$0]) })
  }
}
