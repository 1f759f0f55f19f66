/// Splits a text at its added tokens, the rest into words, and each word into pieces.
struct ByteLevelSplitter: TextSplitter {
  /// How added tokens are matched.
  enum Parts: Sendable {
    case slow(SlowTokenCutter)
    case fast(FastParts)
  }

  let parts: Parts
  let merges: ByteLevelMerges
  /// Whether to prepend a space to text that does not begin with white space: the slow variant to the whole text, the
  /// fast one to every part between added tokens.
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

  /// A part of a text with a prepended space, which maps to its first scalar; nil if none is needed.
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

  /// The offsets without leading white space; a piece of only white space keeps it.
  ///
  /// A piece that is only a space belongs to the word that follows it, as if the two were one piece.
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
