/// A token outside the model, or a piece of it that is found in a text before the model sees it (`tokenizers.AddedToken`).
struct AddedToken: Sendable, Hashable {
  var id: Int32
  var content: String
  /// The token takes the white space before it.
  var stripsLeft = false
  /// The token takes the white space after it.
  var stripsRight = false
  /// The token is one only if it touches no word.
  var isSingleWord = false
  /// The fast variant looks for the token in the normalized text.
  var isNormalized = false
  var isSpecial = true
}

/// A part of a text: an added token, or text between them.
struct TextPart {
  var bytes: Range<Int>
  /// Nil: text between the tokens.
  var token: AddedToken?
}

/// Finds added tokens in a text: the leftmost, of several the longest, none overlapping.
///
/// That is what the slow reference's `Trie.split` (transformers/tokenization_utils.py)
/// and the fast one's Aho-Corasick automaton (`MatchKind::LeftmostLongest`) do.
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
