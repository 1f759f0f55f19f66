/// Splits a text like `DebertaV2TokenizerFast`.
///
/// Text between added tokens is split at spaces (and at punctuation, if enabled); each part begins with U+2581 and is
/// segmented separately.
///
/// - SeeAlso: `DebertaV2Converter` (transformers/convert_slow_tokenizer.py);
///   `Metaspace` (tokenizers/src/pre_tokenizers/metaspace.rs).
struct FastSplitter: TextSplitter {
  private let parts: FastParts
  private let search: UnigramSearch<Double>
  private let unknownID: Int32
  private let byteIDs: [Int32]
  private let cuts: FastCuts

  /// The splitter converted from `spm.model`.
  ///
  /// - Throws: ``TokenizerError/unsupportedModel(path:kind:)``.
  init(
    _ proto: SentencePieceProto, _ vocabulary: Vocabulary, _ settings: TokenizerSettings, path: String
  ) throws(TokenizerError) {
    guard proto.isUnigram else { throw .unsupportedModel(path: path, kind: "byte-pair encoding") }
    let known = Set(vocabulary.added.map { Array($0.content.utf8) })
    var tokens: [AddedToken] = []
    for (id, piece) in proto.pieces.enumerated() where piece.kind == .control || piece.kind == .userDefined {
      guard !known.contains(Array(piece.text)) else { continue }
      let content = String(decoding: piece.text, as: UTF8.self)
      tokens.append(AddedToken(id: Int32(id), content: content, isSpecial: piece.kind == .control))
    }
    parts = FastParts(
      FastNormalizer(charsmap: proto.normalization.charsmap, lowercases: settings.lowercases),
      tokens + vocabulary.addedAsFast, settings)
    cuts = FastCuts(splitsByPunctuation: settings.splitsByPunctuation)
    search = UnigramSearch(fast: proto)
    unknownID = proto.unknownID
    byteIDs = []
  }

  /// The splitter described by `tokenizer.json`.
  init(
    _ pieces: UnigramPieces, _ cuts: FastCuts, _ normalizer: FastNormalizer, _ vocabulary: Vocabulary,
    _ settings: TokenizerSettings
  ) {
    parts = FastParts(normalizer, vocabulary.addedAsFast, settings)
    self.cuts = cuts
    search = pieces.search
    unknownID = pieces.unknownID
    byteIDs = pieces.byteIDs
  }

  /// The length of a normalized text in bytes.
  func normalizedCount(of text: [UInt8]) -> Int { parts.normalizedCount(of: text) }

  func pieces(of text: [UInt8]) -> [TextPiece] {
    var pieces: [TextPiece] = []
    parts.forEach(of: text) { text, part in
      if let token = part.token {
        pieces.append(
          TextPiece(id: token.id, scalars: text.source(of: part.bytes), beginsWithSpace: token.stripsLeft))
      } else if cuts.splitsByPunctuation {
        text.bytes.withUnsafeBufferPointer { bytes in
          for part in UTF8Text.partsByPunctuation(of: bytes, part.bytes) { appendWords(text, part, to: &pieces) }
        }
      } else {
        appendWords(text, part.bytes, to: &pieces)
      }
    }
    return pieces
  }

  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  private func prepends(to source: Range<Int>) -> Bool {
    switch cuts.prepending {
    case .always: true
    case .first: source.lowerBound == 0
    case .never: false
    }
  }

  /// Replaces every space by U+2581, prepends one, and starts a word at each.
  private func appendWords(_ text: AlignedText, _ range: Range<Int>, to pieces: inout [TextPiece]) {
    var marked = AlignedText()
    marked.reserve(range.count + Self.space.count)
    var starts: [Int] = []
    let isMarked = text.bytes[range].starts(with: Self.space) || text.bytes[range.lowerBound] == UInt8(ascii: " ")
    if prepends(to: text.source(of: range)), !isMarked {
      marked.append(Self.space, from: text.source(of: range.lowerBound..<range.lowerBound))
      starts.append(0)
    } else if !isMarked || !cuts.splitsAtSpaces {
      starts.append(0)
    }
    for index in range {
      if text.bytes[index] == UInt8(ascii: " ") {
        if cuts.splitsAtSpaces { starts.append(marked.count) }
        marked.append(Self.space, from: text.source(of: index..<index + 1))
      } else {
        if cuts.splitsAtSpaces, text.bytes[index...].starts(with: Self.space) { starts.append(marked.count) }
        marked.append(index..<index + 1, of: text)
      }
    }
    marked.bytes.withUnsafeBufferPointer { bytes in
      for (start, end) in zip(starts, starts.dropFirst() + [bytes.count]) {
        append(search.segments(of: bytes, in: start..<end), of: marked, to: &pieces)
      }
    }
  }

  /// Adjacent unknown characters become one piece, or one per byte.
  private func append(_ segments: [UnigramSegment], of text: AlignedText, to pieces: inout [TextPiece]) {
    var index = 0
    while index < segments.count {
      var bytes = segments[index].bytes
      let isUnknown = segments[index].id == unknownID
      while isUnknown, index + 1 < segments.count, segments[index + 1].id == unknownID {
        index += 1
        bytes = bytes.lowerBound..<segments[index].bytes.upperBound
      }
      let ids = isUnknown && !byteIDs.isEmpty ? text.bytes[bytes].map { byteIDs[Int($0)] } : [segments[index].id]
      let (source, beginsWithSpace) = (text.source(of: bytes), text.bytes[bytes].starts(with: Self.space))
      pieces += ids.map { TextPiece(id: $0, scalars: source, beginsWithSpace: beginsWithSpace) }
      index += 1
    }
  }
}
