/// Cuts a text at its added tokens, what lies between into words, and each word into pieces.
struct ByteLevelSplitter: TextSplitter {
  /// How added tokens are found.
  enum Parts: Sendable {
    case slow(SlowTokenCutter)
    case fast(FastParts)
  }

  let parts: Parts
  let merges: ByteLevelMerges
  /// A space is put before what does not begin with white space: before the whole text by the slow variant, before
  /// every part between added tokens by the fast one.
  let addsPrefixSpace: Bool

  var doubtfulPieces: Int? { merges.doubtfulPieces }

  func normalizedCount(of text: [UInt8]) -> Int {
    if case .fast(let parts) = parts { parts.normalizedCount(of: text) } else { text.count }
  }

  func pieces(of text: [UInt8]) -> [TextPiece] {
    var pieces: [TextPiece] = []
    var workspace = ByteLevelMerges.Workspace()
    switch parts {
    case .slow(let cutter):
      let aligned = text.withUnsafeBufferPointer { AlignedText($0, $0.indices, scalars: 0) }
      let whole = prefixed(aligned, aligned.bytes.indices, unless: \.isPythonSpace) ?? aligned
      for part in whole.bytes.withUnsafeBufferPointer({ cutter.cut($0) }) {
        append(part, of: whole, to: &pieces, &workspace)
      }
    case .fast(let parts):
      parts.forEach(of: text) { text, part in
        if part.token == nil, let words = prefixed(text, part.bytes, unless: { $0 == " " }) {
          append(TextPart(bytes: words.bytes.indices), of: words, to: &pieces, &workspace)
        } else {
          append(part, of: text, to: &pieces, &workspace)
        }
      }
    }
    return pieces
  }

  private func append(
    _ part: TextPart, of text: AlignedText, to pieces: inout [TextPiece], _ workspace: inout ByteLevelMerges.Workspace
  ) {
    if let token = part.token {
      pieces.append(TextPiece(id: token.id, scalars: text.source(of: part.bytes), beginsWithSpace: false))
      return
    }
    text.bytes.withUnsafeBufferPointer { bytes in
      WordPattern.forEachWord(of: bytes, in: part.bytes) { word in
        merges.forEachPiece(of: bytes, in: word, &workspace) { id, range in
          pieces.append(TextPiece(id: id, scalars: text.source(of: range), beginsWithSpace: false))
        }
      }
    }
  }

  /// A part of a text with a space in front, which comes from its first scalar; nil if it gets none.
  private func prefixed(
    _ text: AlignedText, _ range: Range<Int>, unless isSpace: (Unicode.Scalar) -> Bool
  ) -> AlignedText? {
    guard addsPrefixSpace, !range.isEmpty else { return nil }
    let first = text.bytes.withUnsafeBufferPointer { UTF8Text.scalar(of: $0, at: range.lowerBound).scalar }
    guard !isSpace(first) else { return nil }
    var result = AlignedText()
    result.reserve(range.count + 1)
    result.append([UInt8(ascii: " ")], from: text.source(of: range.lowerBound..<range.lowerBound + 1))
    result.append(range, of: text)
    return result
  }

  /// Without the white space that a piece begins with; a piece that is nothing else keeps it.
  ///
  /// A space that is a piece by itself belongs to the word that follows it, as it does where the two are one piece.
  func place(of piece: TextPiece, in source: SourceText) -> (offsets: Range<Int>, word: Int?) {
    let scalars = source.scalars
    let range = piece.scalars
    guard let first = range.first(where: { !scalars[$0].isPythonSpace }) else {
      let isSpace = range.isEmpty || range.count == 1 && scalars[range.lowerBound] == " "
      return (range, isSpace ? source.word(at: range.upperBound..<range.upperBound) : nil)
    }
    let offsets = first..<range.upperBound
    return (offsets, source.word(at: offsets))
  }
}
