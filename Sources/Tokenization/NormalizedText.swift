/// A piece with the UTF-8 bytes of the source that it comes from.
struct BytePiece {
  var id: Int32
  var bytes: Range<Int>
  var beginsWithSpace: Bool
}

/// A normalized text, with the place in the source that each of its bytes comes from.
struct NormalizedText {
  private(set) var bytes: [UInt8] = []
  /// By byte: where the part of the source begins that became it.
  private(set) var sources: [Int] = []
  /// Where the source of the last byte ends.
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

  /// The source of each segment of the normalized text.
  ///
  /// A segment inside a character, which is what a byte piece is, gets the whole character's.
  ///
  /// - Parameter segments: in order, none overlapping.
  /// - Complexity: O(bytes + segments).
  func pieces(of segments: [UnigramSegment], in source: UnsafeBufferPointer<UInt8>) -> [BytePiece] {
    segments.map { segment in
      let whole = wholeCharacters(segment.bytes)
      let beginsWithSpace = bytes[whole.lowerBound...].starts(with: SentencePieceNormalizer.spaceSymbol)
      let isBareSpace = beginsWithSpace && whole.count == SentencePieceNormalizer.spaceSymbol.count
      let start = sources[whole.lowerBound]
      var end = whole.upperBound < sources.count ? sources[whole.upperBound] : self.end
      // What one character became can be cut: each part has the whole character.
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
