/// Splits a text at added tokens by the rules of the fast tokenizer (`AddedVocabulary::find_matches`,
/// tokenizers/src/tokenizer/added_vocabulary.rs).
struct FastTokenCutter: Sendable {
  private let finder: AddedTokenFinder

  init(_ tokens: [AddedToken]) { finder = AddedTokenFinder(tokens) }

  /// The parts, in order; a token's part includes the white space that it absorbs.
  func cut(_ text: UnsafeBufferPointer<UInt8>) -> [TextPart] {
    var parts: [TextPart] = []
    var position = 0
    for match in finder.matches(in: text) {
      let token = finder.tokens[match.token]
      var bytes = match.bytes
      if token.isSingleWord, !standsAlone(bytes, in: text) { continue }
      if token.stripsLeft {
        let kept = UTF8Text.trimmed(text, position..<bytes.lowerBound, atStart: false, where: \.properties.isWhitespace)
        bytes = kept.upperBound..<bytes.upperBound
      }
      if token.stripsRight {
        let kept = UTF8Text.trimmed(text, bytes.upperBound..<text.count, atEnd: false, where: \.properties.isWhitespace)
        bytes = bytes.lowerBound..<kept.lowerBound
      }
      if position < bytes.lowerBound { parts.append(TextPart(bytes: position..<bytes.lowerBound)) }
      parts.append(TextPart(bytes: bytes, token: token))
      position = bytes.upperBound
    }
    if position < text.count { parts.append(TextPart(bytes: position..<text.count)) }
    return parts
  }

  private func standsAlone(_ bytes: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    if bytes.upperBound < text.count, UTF8Text.scalar(of: text, at: bytes.upperBound).scalar.isWordCharacter {
      return false
    }
    guard bytes.lowerBound > 0 else { return true }
    return !UTF8Text.scalar(of: text, at: UTF8Text.start(before: bytes.lowerBound, of: text)).scalar.isWordCharacter
  }
}

extension Unicode.Scalar {
  /// `\w` of the Rust crate regex (UTS #18, annex C).
  fileprivate var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: false
    }
  }
}
