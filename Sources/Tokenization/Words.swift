/// The words of a text: runs of scalars that are not white space, as Python's `str.split()` cuts.
///
/// These are the words that ``Encoding/words`` counts.
///
/// ```swift
/// let words = Words(" two  words")
/// words.ranges                  // [1..<4, 6..<11]
/// words.text(words.ranges[0])   // "two"
/// ```
public struct Words: Sendable, Hashable {
  /// All of the text.
  public let scalars: [Unicode.Scalar]
  /// Where each word stands, in scalars.
  public let ranges: [Range<Int>]

  /// Cuts a text.
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
  /// - Parameter range: where it stands, in scalars.
  public func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }
}
