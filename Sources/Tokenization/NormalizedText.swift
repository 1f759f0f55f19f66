/// A piece with its range of UTF-8 bytes in the source.
struct BytePiece {
  var id: Int32
  var bytes: Range<Int>
  var beginsWithSpace: Bool
}

/// A normalized text, with the source position of each byte.
struct NormalizedText {
  private(set) var bytes: [UInt8] = []
  /// By byte: the start of its part of the source.
  private(set) var sources: [Int] = []
  /// The end of the last byte's source.
  var end = 0

  mutating func reserve(_ count: Int) {
    bytes.reserveCapacity(count)
    sources.reserveCapacity(count)
  }

  mutating func append(_ byte: UInt8, from source: Int) {
    bytes.append(byte)
    sources.append(source)
  }

  mutating func removeLast(_ count: Int) {
    bytes.removeLast(count)
    sources.removeLast(count)
  }

  /// The source range of each segment of the normalized text.
  ///
  /// A segment inside a character, such as a byte piece, gets the whole character's.
  ///
  /// - Parameter segments: in order, nonoverlapping.
  /// - Complexity: O(bytes + segments).
  func pieces(of segments: [UnigramSegment], in source: UnsafeBufferPointer<UInt8>) -> [BytePiece] {
    segments.map { segment in
      let whole = wholeCharacters(segment.bytes)
      let beginsWithSpace = bytes[whole.lowerBound...].starts(with: SentencePieceNormalizer.spaceSymbol)
      let isBareSpace = beginsWithSpace && whole.count == SentencePieceNormalizer.spaceSymbol.count
      let start = sources[whole.lowerBound]
      var end = whole.upperBound < sources.count ? sources[whole.upperBound] : self.end
      // The normalization of one character can be split: each part has the whole character.
      if end <= start, !isBareSpace, start < source.count { end = UTF8Text.scalar(of: source, at: start).end }
      return BytePiece(id: segment.id, bytes: start..<max(start, end), beginsWithSpace: beginsWithSpace)
    }
  }

  private func wholeCharacters(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start > 0, UTF8Text.isContinuation(bytes[start]) { start -= 1 }
    while end < bytes.count, UTF8Text.isContinuation(bytes[end]) { end += 1 }
    return start..<end
  }
}
