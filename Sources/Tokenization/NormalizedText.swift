/// A piece with the UTF-8 bytes of the source that it comes from.
struct BytePiece {
  var id: Int32
  var bytes: Range<Int>
  var beginsWithSpace: Bool
}

/// A text as libsentencepiece normalised it, with what libsentencepiece says of where it comes from.
struct NormalizedText {
  /// A stretch of the normalised text whose source is known: one of the library's pieces.
  struct Cut {
    var id: Int32
    var bytes: Range<Int>
    var source: Range<Int>
  }

  var bytes: [UInt8] = []
  /// In order, without gaps, from the start of ``bytes`` to their end.
  var cuts: [Cut] = []

  /// The source of each segment of the normalised text.
  ///
  /// A segment inside of a character, which is what a byte piece is, gets the
  /// whole character's. A segment that ends within one of the library's pieces is
  /// located by counting scalars from that piece's start, exact unless
  /// normalisation changed their number there.
  ///
  /// - Parameter segments: in order, none overlapping.
  /// - Complexity: O(bytes + segments).
  func pieces(of segments: [UnigramSegment], in source: UnsafeBufferPointer<UInt8>) -> [BytePiece] {
    var pieces: [BytePiece] = []
    pieces.reserveCapacity(segments.count)
    var first = 0  // the cut in which the segment's character begins
    for segment in segments {
      let whole = wholeCharacters(segment.bytes)
      while first + 1 < cuts.count, cuts[first].bytes.upperBound <= whole.lowerBound { first += 1 }
      var last = first
      while last + 1 < cuts.count, cuts[last].bytes.upperBound < whole.upperBound { last += 1 }
      let beginsWithSpace = bytes[whole.lowerBound...].starts(with: Self.space)
      let isBareSpace = beginsWithSpace && whole.count == Self.space.count
      let start = sourceStart(of: whole.lowerBound, in: cuts[first], source)
      var end = sourceEnd(of: whole.upperBound, in: cuts[last], source)
      if end <= start, !isBareSpace { end = Self.characterEnd(start, source) }
      pieces.append(BytePiece(id: segment.id, bytes: start..<max(start, end), beginsWithSpace: beginsWithSpace))
    }
    return pieces
  }

  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  private func wholeCharacters(_ range: Range<Int>) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start > 0, UTF8Text.isContinuation(bytes[start]) { start -= 1 }
    while end < bytes.count, UTF8Text.isContinuation(bytes[end]) { end += 1 }
    return start..<end
  }

  private func sourceStart(of position: Int, in cut: Cut, _ source: UnsafeBufferPointer<UInt8>) -> Int {
    position == cut.bytes.lowerBound ? cut.source.lowerBound : inside(position, of: cut, source)
  }

  private func sourceEnd(of position: Int, in cut: Cut, _ source: UnsafeBufferPointer<UInt8>) -> Int {
    position == cut.bytes.upperBound ? cut.source.upperBound : inside(position, of: cut, source)
  }

  /// As many scalars into the cut's source as `position` is into the cut; a
  /// leading U+2581 stands for all the spaces there.
  private func inside(_ position: Int, of cut: Cut, _ source: UnsafeBufferPointer<UInt8>) -> Int {
    var at = cut.source.lowerBound
    var rest = bytes[cut.bytes.lowerBound..<position]
    if rest.starts(with: Self.space) {
      rest = rest.dropFirst(Self.space.count)
      while at < cut.source.upperBound {
        let (scalar, end) = UTF8Text.scalar(of: source, at: at)
        guard scalar.becomesSpace else { break }
        at = end
      }
    }
    for byte in rest where !UTF8Text.isContinuation(byte) && at < cut.source.upperBound {
      at = Self.characterEnd(at, source)
    }
    return at
  }

  private static func characterEnd(_ position: Int, _ source: UnsafeBufferPointer<UInt8>) -> Int {
    position < source.count ? UTF8Text.scalar(of: source, at: position).end : position
  }
}
