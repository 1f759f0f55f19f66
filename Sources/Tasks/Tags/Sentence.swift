public import Tokenization

/// A text and its words: split at white space, or given.
///
/// Training and prediction both use this to split texts into words; a word is labeled by its first token.
///
/// ```swift
/// Sentence("two words").ranges              // [0..<3, 4..<9]
/// Sentence(words: ["New York", "."]).text   // "New York ."
/// ```
public struct Sentence: Sendable, Hashable {
  public let text: String
  /// The range of each word, in Unicode scalars of the text.
  public let ranges: [Range<Int>]

  /// Splits a text at white space, like Python's `str.split()`.
  public init(_ text: String) {
    self.text = text
    ranges = Words(text).ranges
  }

  /// Joins words with single spaces.
  public init(words: [String]) {
    text = words.joined(separator: " ")
    var start = 0
    ranges = words.map { word in
      defer { start += word.unicodeScalars.count + 1 }
      return start..<start + word.unicodeScalars.count
    }
  }

  /// The first token of each word, which labels it; nil for a word that was truncated, or normalizes to nothing.
  ///
  /// - Parameter encoding: the tokens of the text; those of a pair's second text are ignored.
  /// - Complexity: O(tokens + words).
  public func firstTokens(_ encoding: Encoding) -> [Int?] {
    var first = [Int?](repeating: nil, count: ranges.count)
    for (token, word) in words(of: encoding).enumerated() {
      if let word, first[word] == nil { first[word] = token }
    }
    return first
  }

  /// The word in which each token begins; nil for special tokens, for tokens of a pair's second text, and for tokens
  /// that do not begin in a word.
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
