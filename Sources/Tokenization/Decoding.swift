extension DebertaV2Tokenizer {
  /// The text of ids, joined as in `DebertaV2Tokenizer.decode`.
  ///
  /// Special tokens and other added tokens are surrounded by spaces. The fast variant decodes in the same way, which
  /// sometimes differs from `DebertaV2TokenizerFast`.
  ///
  /// - Parameters:
  ///   - ids: token ids in the vocabulary.
  ///   - skippingSpecialTokens: whether to omit special tokens.
  /// - Throws: ``TokenizerError/unknownID(_:vocabularySize:)``.
  /// - SeeAlso: `PreTrainedTokenizer._decode` (transformers/tokenization_utils.py) and
  ///   `SPMTokenizer.decode` (transformers/models/deberta_v2/tokenization_deberta_v2.py).
  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) throws(TokenizerError) -> String {
    let special = Set(vocabulary.specials.map(\.id))
    var parts: [String] = []
    var run: [Int32] = []
    for id in ids where !(skippingSpecialTokens && special.contains(id)) {
      if vocabulary.added(of: id) != nil, !special.contains(id) {
        if !run.isEmpty {
          let text = try joined(run, special)
          if !text.isEmpty { parts.append(text) }
          run = []
        }
        parts.append(try token(id))
      } else {
        run.append(id)
      }
    }
    if !run.isEmpty { parts.append(try joined(run, special)) }
    return parts.joined(separator: " ")
  }

  /// Pieces joined like sentencepiece, with special tokens between them, and trimmed.
  private func joined(_ ids: [Int32], _ special: Set<Int32>) throws(TokenizerError) -> String {
    var text = ""
    var pieces: [Int32] = []
    var previousIsSpecial = false
    for id in ids {
      if special.contains(id) {
        if !previousIsSpecial { text += " " }
        text += try vocabulary.model.decode(pieces) + token(id)
        pieces = []
      } else {
        _ = try token(id)
        pieces.append(id)
      }
      previousIsSpecial = special.contains(id)
    }
    text += vocabulary.model.decode(pieces)
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.isPythonSpace }),
      let last = scalars.lastIndex(where: { !$0.isPythonSpace })
    else { return "" }
    return String(scalars[first...last])
  }

  private func token(_ id: Int32) throws(TokenizerError) -> String {
    guard let token = vocabulary.piece(of: id) else { throw .unknownID(id, vocabularySize: vocabularySize) }
    return token
  }
}
