/// A piece with the original scalars that it comes from, including its leading space.
struct TextPiece {
  var id: Int32
  var scalars: Range<Int>
  var beginsWithSpace: Bool
}

/// The scalars of an original text, with the word of each.
struct SourceText {
  private let words: Words
  /// By scalar; -1 between words.
  private let word: [Int32]

  var scalars: [Unicode.Scalar] { words.scalars }
  var wordCount: Int { words.ranges.count }

  init(_ text: String) {
    words = Words(text)
    var word = [Int32](repeating: -1, count: words.scalars.count)
    for (number, range) in words.ranges.enumerated() {
      for scalar in range { word[scalar] = Int32(number) }
    }
    self.word = word
  }

  /// The scalars of a piece without its leading spaces and scalars that normalize to nothing.
  func offsets(of piece: TextPiece) -> Range<Int> {
    var start = min(piece.scalars.lowerBound, scalars.count)
    let end = min(piece.scalars.upperBound, scalars.count)
    if piece.beginsWithSpace {
      while start < end, scalars[start].becomesSpace { start += 1 }
    }
    return start..<end
  }

  /// Whether the scalar before a position is white space.
  func isSpace(before place: Int) -> Bool {
    place > 0 && place <= scalars.count && scalars[place - 1].isPythonSpace
  }

  /// The word in which a piece at `offsets` begins.
  func word(at offsets: Range<Int>) -> Int? {
    guard offsets.lowerBound < word.count else { return nil }
    let word = word[offsets.lowerBound]
    return word < 0 ? nil : Int(word)
  }
}

extension Unicode.Scalar {
  /// Python's `str.isspace()`: White_Space and the four information separators.
  var isPythonSpace: Bool {
    if value < 0x80 { return value == 0x20 || (0x09...0x0D).contains(value) || (0x1C...0x1F).contains(value) }
    return properties.isWhitespace
  }

  /// Whether the scalar alone normalizes to a space or to nothing: white space, and what SentencePiece's nmt_nfkc
  /// charsmap maps to U+0020 or removes (`Builder::BuildNmtNFKCMap`, sentencepiece/src/builder.cc).
  var becomesSpace: Bool {
    switch value {
    case 0x200B, 0x200E, 0x200F, 0x2581, 0xFEFF, 0xFFFD: true
    case 0x01...0x1F, 0x7F, 0x8F, 0x9F: true
    default: isPythonSpace
    }
  }

  /// Punctuation as defined by the reference: ASCII symbols other than letters and digits, and category P
  /// (`_is_punctuation`, transformers/models/deberta_v2/tokenization_deberta_v2.py).
  var isReferencePunctuation: Bool {
    switch value {
    case 33...47, 58...64, 91...96, 123...126: return true
    case 0..<0x80: return false
    default: break
    }
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }
}
