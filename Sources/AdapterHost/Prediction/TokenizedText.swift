internal import Checkpoints
public import Tokenization

/// A tokenized text.
public struct TokenizedText: Sendable {
  public let input: TextInput
  public let encoding: Encoding

  /// The tokens as one JSON line: `{"index": 0, "ids": [...], "tokens": [...], "offsets": [[0, 3], ...]}`.
  ///
  /// With `id` if the input has one, `token_type_ids` for a pair, and `truncated` if tokens were truncated.
  public var json: String {
    func list(_ elements: some Sequence<Int32>) -> String { JSONLine.array(elements.map { "\($0)" }) }
    var members: [(String, String)] = [("index", "\(input.index)")]
    if let id = input.id { members.append(("id", id.line)) }
    members += [
      ("ids", list(encoding.ids)), ("tokens", JSONValue.array(encoding.tokens.map { .string($0) }).line),
      ("offsets", JSONLine.array(encoding.offsets.map { "[\($0.lowerBound), \($0.upperBound)]" })),
    ]
    if input.pair != nil { members.append(("token_type_ids", list(encoding.tokenTypeIDs))) }
    if encoding.truncatedTokens > 0 { members.append(("truncated", "\(encoding.truncatedTokens)")) }
    return JSONLine.object(members)
  }
}

extension Tokenizer {
  /// Tokenizes texts as they arrive, in order.
  ///
  /// - Parameters:
  ///   - source: the texts.
  ///   - maximumLength: the maximum number of tokens of a text, including special ones; nil for no limit.
  ///   - body: receives each text, and whether the next one would have to be waited for.
  /// - Throws: `InputFileError`, if the source fails; the errors of `body`.
  public func tokenize(
    _ source: TextSource, maximumLength: Int? = nil,
    _ body: (Result<TokenizedText, UnansweredText>, _ isLast: Bool) throws -> Void
  ) throws {
    var source = source
    while let input = try source.next() {
      let item = input.flatMap { input in
        Result {
          TokenizedText(
            input: input, encoding: try encode(input.text, pair: input.pair, maximumLength: maximumLength))
        }.mapError { UnansweredText(input, $0) }
      }
      try body(item, !source.isReady())
    }
  }
}
