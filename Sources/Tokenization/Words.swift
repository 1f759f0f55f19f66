/// The words of a text, separated by white space as in Python's `str.split()`.
///
/// ``Encoding/words`` refers to these words.
///
/// ```swift
/// let words = Words(" two  words")
/// words.ranges                  // [1..<4, 6..<11]
/// words.text(words.ranges[0])   // "two"
/// ```
public struct Words: Sendable, Hashable {
  /// All of the text.
  public let scalars: [Unicode.Scalar]
  /// The range of each word, in scalars.
  public let ranges: [Range<Int>]

  /// Splits a text.
  ///
  /// - Complexity: O(scalars).
  public init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    var ranges: [Range<Int>] = []
    var start: Int?
    for (index, scalar) in scalars.enumerated() {
      let isSpace = scalar.isPythonSpace
      if isSpace, let begun = start {
        ranges.append(begun..<index)
        start = nil
      } else if !isSpace, start == nil {
        start = index
      }
    }
    if let start { ranges.append(start..<scalars.count) }
    self.ranges = ranges
  }

  /// A part of the text.
  ///
  /// - Parameter range: a range of scalars.
  public func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }
}
