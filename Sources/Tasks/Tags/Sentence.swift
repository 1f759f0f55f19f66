public import Tokenization

/// A text and its words: cut at white space, or as they were given.
///
/// Training and prediction cut texts into words here, and decide each word by its first token.
///
/// ```swift
/// Sentence("two words").ranges              // [0..<3, 4..<9]
/// Sentence(words: ["New York", "."]).text   // "New York ."
/// ```
public struct Sentence: Sendable, Hashable {
  public let text: String
  /// Where each word stands, in Unicode scalars of the text.
  public let ranges: [Range<Int>]

  /// Cuts a text at white space, as Python's `str.split()` does.
  public init(_ text: String) {
    self.text = text
    ranges = Words(text).ranges
  }

  /// Joins words by single spaces.
  public init(words: [String]) {
    text = words.joined(separator: " ")
    var start = 0
    ranges = words.map { word in
      defer { start += word.unicodeScalars.count + 1 }
      return start..<start + word.unicodeScalars.count
    }
  }

  /// The token that decides each word, its first one; nil for a word without a token: it was cut off, or all of it
  /// normalizes to nothing.
  ///
  /// - Parameter encoding: the tokens of the text; those of a pair's second text are left out.
  /// - Complexity: O(tokens + words).
  public func firstTokens(_ encoding: Encoding) -> [Int?] {
    var first = [Int?](repeating: nil, count: ranges.count)
    for (token, word) in words(of: encoding).enumerated() {
      if let word, first[word] == nil { first[word] = token }
    }
    return first
  }

  /// The word in which each token begins; nil for specials, for tokens of a pair's second text, and for tokens that
  /// begin in no word.
  ///
  /// - Complexity: O(tokens + words).
  func words(of encoding: Encoding) -> [Int?] {
    var word = 0
    return encoding.offsets.enumerated().map { token, offsets in
      guard encoding.sequence[token] == 0 else { return nil }
      while word < ranges.count, ranges[word].upperBound <= offsets.lowerBound { word += 1 }
      return word < ranges.count && ranges[word].contains(offsets.lowerBound) ? word : nil
    }
  }
}
