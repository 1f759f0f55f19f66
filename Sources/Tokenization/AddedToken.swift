/// A token outside the model's vocabulary, or a piece that is matched before the model sees the text
/// (`tokenizers.AddedToken`).
struct AddedToken: Sendable, Hashable {
  var id: Int32
  var content: String
  /// The token absorbs white space before it.
  var stripsLeft = false
  /// The token absorbs white space after it.
  var stripsRight = false
  /// The token only matches if it is not adjacent to a word.
  var isSingleWord = false
  /// The fast variant matches the token in the normalized text.
  var isNormalized = false
  var isSpecial = true
}

/// A part of a text: an added token, or text between added tokens.
struct TextPart {
  var bytes: Range<Int>
  /// Nil: text between the tokens.
  var token: AddedToken?
}

/// Finds added tokens in a text: leftmost, longest, nonoverlapping.
///
/// This matches the slow reference's `Trie.split` (transformers/tokenization_utils.py) and the fast one's Aho-Corasick
/// automaton (`MatchKind::LeftmostLongest`).
struct AddedTokenFinder: Sendable {
  struct Match {
    /// Index into ``tokens``.
    var token: Int
    var bytes: Range<Int>
  }

  let tokens: [AddedToken]
  private var trie = ByteTrie()
  private var isFirstByte = [Bool](repeating: false, count: 256)

  init(_ tokens: [AddedToken]) {
    self.tokens = tokens
    for (index, token) in tokens.enumerated() {
      guard let first = token.content.utf8.first else { continue }
      trie.insert(token.content.utf8, value: Int32(index))
      isFirstByte[Int(first)] = true
    }
  }

  func matches(in text: UnsafeBufferPointer<UInt8>) -> [Match] {
    guard !trie.isEmpty else { return [] }
    var matches: [Match] = []
    var position = 0
    while position < text.count {
      if isFirstByte[Int(text[position])], let match = trie.longestPrefix(of: text, from: position, to: text.count) {
        matches.append(Match(token: Int(match.value), bytes: position..<match.end))
        position = match.end
      } else {
        position += 1
      }
    }
    return matches
  }
}
