public import Tokenization

extension TextService {
  /// Tokenizes texts, without a limit.
  public func tokenize(_ texts: [String]) async throws -> [Encoding] {
    try await workers.run { [tokenizer] isWanted in
      try texts.enumerated().map { index, text in
        try isWanted.check()
        do { return try tokenizer.encode(text) } catch {
          throw ServiceError.input(index: index, reason: "\(error)")
        }
      }
    }
  }

  /// Decodes lists of ids.
  ///
  /// - Throws: `ServiceError.input` for an id without a piece.
  public func decode(_ lists: [[Int]], skippingSpecials skips: Bool) async throws -> [String] {
    try await workers.run { [tokenizer] isWanted in
      try lists.enumerated().map { index, ids in
        try isWanted.check()
        do {
          return try tokenizer.decode(
            ids.map { Int32(clamping: $0) }, skippingSpecialTokens: skips)
        } catch { throw ServiceError.input(index: index, reason: "\(error)") }
      }
    }
  }
}
