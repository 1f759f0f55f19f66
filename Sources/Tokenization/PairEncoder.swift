internal import Checkpoints

/// Splits a text into pieces.
protocol TextSplitter: Sendable {
  /// The pieces of a text, in order.
  func pieces(of text: [UInt8]) -> [TextPiece]

  /// The offsets of a piece, and the word in which it begins.
  func place(of piece: TextPiece, in source: SourceText) -> (offsets: Range<Int>, word: Int?)

  /// The length of a normalized text in bytes.
  func normalizedCount(of text: [UInt8]) -> Int

  /// The number of final pieces of a text that may change if the text continues; nil: all of them.
  var doubtfulPieces: Int? { get }
}

extension TextSplitter {
  func place(of piece: TextPiece, in source: SourceText) -> (offsets: Range<Int>, word: Int?) {
    let offsets = source.offsets(of: piece)
    return (offsets, source.word(at: offsets))
  }

  var doubtfulPieces: Int? { 1_000 }
}

/// Adds special tokens to the pieces of a text and its pair, and truncates them to a maximum length.
struct PairEncoder: Sendable {
  let variant: TokenizerVariant
  let vocabulary: Vocabulary
  let splitter: any TextSplitter
  let truncationSide: TokenizerSettings.Side
  /// `model_max_length`
  let modelMaximumLength: Int?

  func encode(
    _ text: String, pair: String?, maximumLength: Int?, truncation: TruncationStrategy
  ) throws(TokenizerError) -> Encoding {
    let pair = variant == .fast && pair?.isEmpty == true ? nil : pair
    let specials = pair == nil ? 2 : 3
    if let maximumLength, maximumLength < specials {
      throw .maximumLengthTooSmall(requested: maximumLength, needed: specials)
    }
    let room = maximumLength.map { $0 - specials } ?? .max
    let first = try sequence(text, room: room)
    let second: Sequence? = if let pair { try sequence(pair, room: room) } else { nil }
    let kept = try Truncation(variant: variant, strategy: truncation).kept(
      text: first.pieces.count, pair: second?.pieces.count, room: room)

    var encoding = Encoding(
      ids: [], tokenTypeIDs: [], tokens: [], offsets: [], sequence: [], words: [],
      wordCounts: [first.source.wordCount] + (second.map { [$0.source.wordCount] } ?? []),
      truncatedTokens: first.pieces.count + (second?.pieces.count ?? 0) - kept.text - kept.pair)
    encoding.reserve(kept.text + kept.pair + specials)
    encoding.append(vocabulary.cls, type: 0)
    append(first, keeping: kept.text, number: 0, to: &encoding)
    encoding.append(vocabulary.sep, type: 0)
    if let second {
      append(second, keeping: kept.pair, number: 1, to: &encoding)
      encoding.append(vocabulary.sep, type: 1)
    }
    return encoding
  }

  private struct Sequence {
    var source: SourceText
    var pieces: [TextPiece]
  }

  /// The pieces of a text, or of a prefix of a long text with more than `room` pieces.
  ///
  /// The pieces of a prefix equal those of the whole text except for the last few, which may be split differently in a
  /// longer text, and for trailing white space that a following added token may absorb; those are dropped.
  private func sequence(_ text: String, room: Int) throws(TokenizerError) -> Sequence {
    let count = text.utf8.count
    guard count < Int32.max else { throw .textTooLong(byteCount: count, limit: Int(Int32.max)) }
    var size = min(Limits.exactTextBytes, measuredStart(of: text, upTo: Limits.normalizedTextBytes))
    while let doubtful = splitter.doubtfulPieces, truncationSide == .right, size < count, room < size {
      let bytes = UTF8Text.wholeScalars(text.utf8.prefix(size))
      let source = SourceText(String(decoding: bytes, as: UTF8.self))
      var pieces = splitter.pieces(of: bytes)
      pieces.removeLast(min(doubtful, pieces.count))
      while let last = pieces.last, source.isSpace(before: last.scalars.upperBound) { pieces.removeLast() }
      if pieces.count > room { return Sequence(source: source, pieces: pieces) }
      size *= 4
    }
    // Letters of any language, and words of one letter, grow at most threefold.
    let limit = 3 * count + Limits.normalizedTextBytes
    guard measuredStart(of: text, upTo: limit) == count else {
      throw .normalizedTooLong(byteCount: count, limit: limit)
    }
    return Sequence(source: SourceText(text), pieces: splitter.pieces(of: Array(text.utf8)))
  }

  /// The length of a prefix that normalizes to at most `limit` bytes, at least one block.
  private func measuredStart(of text: String, upTo limit: Int) -> Int {
    let block = 1 << 16
    let bytes = text.utf8
    // The growth of a character is bounded, so short texts need not be measured.
    guard bytes.count > block else { return bytes.count }
    var (start, total) = (0, 0)
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.count > block ? UTF8Text.wholeScalars(rest.prefix(block)) : Array(rest)
      total += part.allSatisfy { $0 < 0x80 } ? part.count : splitter.normalizedCount(of: part)
      guard total <= limit || start == 0 else { return start }
      start += part.count
      rest = rest.dropFirst(part.count)
    }
    return start
  }

  private func append(_ sequence: Sequence, keeping count: Int, number: Int, to encoding: inout Encoding) {
    let pieces = truncationSide == .right ? sequence.pieces.prefix(count) : sequence.pieces.suffix(count)
    for piece in pieces {
      let (offsets, word) = splitter.place(of: piece, in: sequence.source)
      encoding.ids.append(piece.id)
      encoding.tokenTypeIDs.append(Int32(number))
      encoding.tokens.append(vocabulary.piece(of: piece.id) ?? vocabulary.unk.content)
      encoding.offsets.append(offsets)
      encoding.sequence.append(number)
      encoding.words.append(word)
    }
  }
}

extension Encoding {
  fileprivate mutating func reserve(_ count: Int) {
    ids.reserveCapacity(count)
    tokenTypeIDs.reserveCapacity(count)
    tokens.reserveCapacity(count)
    offsets.reserveCapacity(count)
    sequence.reserveCapacity(count)
    words.reserveCapacity(count)
  }

  /// Appends a special token around the texts.
  fileprivate mutating func append(_ special: AddedToken, type: Int32) {
    ids.append(special.id)
    tokenTypeIDs.append(type)
    tokens.append(special.content)
    offsets.append(0..<0)
    sequence.append(nil)
    words.append(nil)
  }
}
