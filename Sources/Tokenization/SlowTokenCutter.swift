/// Splits a text at added tokens by the rules of the slow tokenizers (`PreTrainedTokenizer.tokenize`,
/// transformers/tokenization_utils.py).
struct SlowTokenCutter: Sendable {
  private struct Segment {
    var bytes: Range<Int>
    var token: Int?  // index into the finder's tokens; nil: text between them
  }

  private let finder: AddedTokenFinder

  init(_ tokens: [AddedToken]) { finder = AddedTokenFinder(tokens) }

  /// The nonempty parts, in order, without white space absorbed by tokens.
  func cut(_ text: UnsafeBufferPointer<UInt8>) -> [TextPart] {
    segments(of: text).compactMap { segment in
      segment.bytes.isEmpty ? nil : TextPart(bytes: segment.bytes, token: segment.token.map { finder.tokens[$0] })
    }
  }

  /// The added tokens and the text between them, after the tokens' white-space and single-word rules, in the
  /// reference's order: each sees its neighbors as changed by its predecessors.
  private func segments(of text: UnsafeBufferPointer<UInt8>) -> [Segment] {
    var segments: [Segment] = []
    var end = 0
    for match in finder.matches(in: text) {
      if end < match.bytes.lowerBound { segments.append(Segment(bytes: end..<match.bytes.lowerBound, token: nil)) }
      segments.append(Segment(bytes: match.bytes, token: match.token))
      end = match.bytes.upperBound
    }
    if end < text.count { segments.append(Segment(bytes: end..<text.count, token: nil)) }

    for index in segments.indices {
      guard let number = segments[index].token else { continue }
      let token = finder.tokens[number]
      guard token.stripsLeft || token.stripsRight || token.isSingleWord else { continue }
      let left = index > 0 ? segments[index - 1].bytes : 0..<0
      let right = index + 1 < segments.count ? segments[index + 1].bytes : 0..<0
      if token.stripsRight, !right.isEmpty {
        segments[index + 1].bytes = UTF8Text.trimmed(text, right, atEnd: false, where: \.isPythonSpace)
      }
      if token.stripsLeft, !left.isEmpty {
        segments[index - 1].bytes = UTF8Text.trimmed(text, left, atStart: false, where: \.isPythonSpace)
      }
      guard token.isSingleWord else { continue }
      let bytes = segments[index].bytes
      if !left.isEmpty, text[left.upperBound - 1] != UInt8(ascii: " ") {
        segments[index - 1] = Segment(bytes: left.lowerBound..<bytes.upperBound, token: nil)
        segments[index].bytes = bytes.upperBound..<bytes.upperBound
      } else if !right.isEmpty, text[right.lowerBound] != UInt8(ascii: " ") {
        segments[index + 1] = Segment(bytes: bytes.lowerBound..<right.upperBound, token: nil)
        segments[index].bytes = bytes.lowerBound..<bytes.lowerBound
      }
    }
    return segments
  }
}
