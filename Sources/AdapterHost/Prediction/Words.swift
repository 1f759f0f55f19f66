/// The words of a text: runs of scalars that are not white space, as Python's `str.split()` cuts.
///
/// These are the words that `Encoding.words` counts.
struct Words {
  let scalars: [Unicode.Scalar]
  /// In scalars.
  let ranges: [Range<Int>]

  init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    var ranges: [Range<Int>] = []
    var start: Int?
    for (index, scalar) in scalars.enumerated() {
      let isSpace = scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
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
  func text(_ range: Range<Int>) -> String {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars[range])
    return String(view)
  }
}
