/// Iterates over the scalars of valid UTF-8.
enum UTF8Text {
  /// Whether a byte is a continuation byte.
  static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

  /// The scalar at `position`, and the position of the next.
  static func scalar(of text: UnsafeBufferPointer<UInt8>, at position: Int) -> (scalar: Unicode.Scalar, end: Int) {
    let first = UInt32(text[position])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), position + 1) }
    var end = position + 1
    var value = first & (first < 0xE0 ? 0x1F : first < 0xF0 ? 0x0F : 0x07)
    while end < text.count, isContinuation(text[end]) {
      value = value << 6 | UInt32(text[end] & 0x3F)
      end += 1
    }
    return (Unicode.Scalar(value) ?? "\u{FFFD}", end)
  }

  static func forEachScalar(
    of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Unicode.Scalar, Range<Int>) -> Void
  ) {
    var position = range.lowerBound
    while position < range.upperBound {
      let (scalar, end) = scalar(of: text, at: position)
      body(scalar, position..<end)
      position = end
    }
  }

  /// The bytes without an incomplete scalar at the end, or without the last one.
  static func wholeScalars(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var bytes = Array(bytes)
    while let last = bytes.last, isContinuation(last) { bytes.removeLast() }
    if let last = bytes.last, last >= 0xC0 { bytes.removeLast() }
    return bytes
  }

  /// The start of the scalar that ends at `position`, which is not 0.
  static func start(before position: Int, of text: UnsafeBufferPointer<UInt8>) -> Int {
    var start = position - 1
    while start > 0, isContinuation(text[start]) { start -= 1 }
    return start
  }

  /// `range` without leading and trailing scalars of a kind.
  static func trimmed(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, atStart: Bool = true, atEnd: Bool = true,
    where isTrimmed: (Unicode.Scalar) -> Bool
  ) -> Range<Int> {
    var (first, last) = (range.lowerBound, range.upperBound)
    while atStart, first < last {
      let (scalar, end) = scalar(of: text, at: first)
      guard isTrimmed(scalar) else { break }
      first = end
    }
    while atEnd, first < last {
      let start = start(before: last, of: text)
      guard isTrimmed(scalar(of: text, at: start).scalar) else { break }
      last = start
    }
    return first..<last
  }

  /// Splits at punctuation characters, each separate, and the runs between (`SPMTokenizer._run_split_on_punc`).
  static func partsByPunctuation(of text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [Range<Int>] {
    var parts: [Range<Int>] = []
    var runStart = range.lowerBound
    forEachScalar(of: text, in: range) { scalar, bytes in
      guard scalar.isReferencePunctuation else { return }
      if runStart < bytes.lowerBound { parts.append(runStart..<bytes.lowerBound) }
      parts.append(bytes)
      runStart = bytes.upperBound
    }
    if runStart < range.upperBound { parts.append(runStart..<range.upperBound) }
    return parts
  }
}
