/// Lower-cases a text scalar by scalar, except for added tokens (`PreTrainedTokenizer.tokenize` with `do_lower_case`:
/// its regular expression matches one character at a time, so a final sigma is not special).
struct Lowercaser: Sendable {
  private let kept: AddedTokenFinder

  init(except tokens: [AddedToken]) { kept = AddedTokenFinder(tokens) }

  /// The lower-cased UTF-8, and the positions of scalars that have no scalar of their own in `text` ("İ" becomes two).
  func lowercased(_ text: [UInt8]) -> (bytes: [UInt8], addedScalars: [Int]) {
    text.withUnsafeBufferPointer { text in
      var bytes: [UInt8] = []
      bytes.reserveCapacity(text.count)
      var addedScalars: [Int] = []
      func lower(_ range: Range<Int>) {
        UTF8Text.forEachScalar(of: text, in: range) { scalar, _ in
          let lowered = scalar.properties.lowercaseMapping
          var position = bytes.count
          for (index, part) in lowered.unicodeScalars.enumerated() {
            if index > 0 { addedScalars.append(position) }
            position += UTF8.width(part)
          }
          bytes.append(contentsOf: lowered.utf8)
        }
      }
      var end = 0
      for match in kept.matches(in: text) {
        lower(end..<match.bytes.lowerBound)
        bytes.append(contentsOf: text[match.bytes])
        end = match.bytes.upperBound
      }
      lower(end..<text.count)
      return (bytes, addedScalars)
    }
  }
}
