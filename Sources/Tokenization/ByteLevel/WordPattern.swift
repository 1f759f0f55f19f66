/// Splits a text into words like GPT-2; pieces never cross word boundaries.
///
/// The expression is
///
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// so a word includes one space before it, and white space before that space is a separate word:
///
///     it's  two→3  ⇒  it | 's | ␣ | ␣two | → | 3
///
/// Source: `DebertaTokenizer.pat` (transformers/models/deberta/tokenization_deberta.py).
enum WordPattern {
  /// The character class in the expression.
  private enum Kind {
    case space, letter, number, other

    init(_ scalar: Unicode.Scalar) {
      switch scalar {
      case "a"..."z", "A"..."Z": self = .letter
      case "0"..."9": self = .number
      case " ", "\t"..."\r": self = .space
      case "\0"..."\u{7F}": self = .other
      default:
        if scalar.properties.isWhitespace {
          self = .space
          return
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = .other
        }
      }
    }
  }

  private static let contractions: [[UInt8]] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.utf8) }

  /// Calls `body` with each word of a part of a text, in order; the words cover the part.
  ///
  /// - Complexity: O(bytes).
  static func forEachWord(of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Range<Int>) -> Void) {
    var position = range.lowerBound
    while position < range.upperBound {
      let end = wordEnd(text, from: position, to: range.upperBound)
      body(position..<end)
      position = end
    }
  }

  private static func wordEnd(_ text: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int) -> Int {
    if text[start] == UInt8(ascii: "'"),
      let contraction = contractions.first(where: { text[start..<limit].starts(with: $0) })
    {
      return start + contraction.count
    }
    let first = kind(text, at: start)
    guard first.kind == .space else { return runEnd(text, of: first.kind, from: start, to: limit) }
    if text[start] == UInt8(ascii: " "), first.end < limit {
      let next = kind(text, at: first.end)
      if next.kind != .space { return runEnd(text, of: next.kind, from: first.end, to: limit) }
    }
    // White space up to the end of the text, or else without its last character, which the next word may include.
    let end = runEnd(text, of: .space, from: start, to: limit)
    let last = UTF8Text.start(before: end, of: text)
    return end == limit || last == start ? end : last
  }

  /// The end of a run of characters of one kind.
  private static func runEnd(_ text: UnsafeBufferPointer<UInt8>, of kind: Kind, from start: Int, to limit: Int) -> Int {
    var end = start
    while end < limit {
      let next = self.kind(text, at: end)
      guard next.kind == kind else { break }
      end = next.end
    }
    return end
  }

  private static func kind(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> (kind: Kind, end: Int) {
    let (scalar, end) = UTF8Text.scalar(of: text, at: position)
    return (Kind(scalar), end)
  }
}
