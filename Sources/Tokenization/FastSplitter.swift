/// Cuts a text as `DebertaV2TokenizerFast` does after its conversion from `spm.model`.
///
/// Added tokens are sought first in the text as it is, then, those marked
/// `normalized`, in the normalised rest. What lies between is cut at spaces (and at
/// punctuation, if asked), each part begins with U+2581, and is searched by itself.
///
/// - SeeAlso: `DebertaV2Converter` (transformers/convert_slow_tokenizer.py);
///   `AddedVocabulary::extract_and_normalize` (tokenizers/src/tokenizer/added_vocabulary.rs);
///   `Metaspace` (tokenizers/src/pre_tokenizers/metaspace.rs).
struct FastSplitter: Sendable {
  private let normalizer: FastNormalizer
  private let plain: FastTokenCutter
  private let normalized: FastTokenCutter
  private let search: UnigramSearch<Double>
  private let unknownID: Int32
  private let byteIDs: [Int32]
  private let cuts: FastCuts

  /// The splitter that is converted from `spm.model`.
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
    self.init(
      FastNormalizer(charsmap: proto.normalization.charsmap, lowercases: settings.lowercases),
      FastCuts(splitsByPunctuation: settings.splitsByPunctuation), UnigramSearch(fast: proto),
      unknownID: proto.unknownID, byteIDs: [], tokens + Self.addedTokens(vocabulary), settings)
  }

  /// The splitter that `tokenizer.json` describes.
  init(_ serialized: SerializedTokenizer, _ vocabulary: Vocabulary, _ settings: TokenizerSettings) {
    self.init(
      serialized.normalizer, serialized.cuts, serialized.pieces.search, unknownID: serialized.pieces.unknownID,
      byteIDs: serialized.pieces.byteIDs, Self.addedTokens(vocabulary), settings)
  }

  private init(
    _ normalizer: FastNormalizer, _ cuts: FastCuts, _ search: UnigramSearch<Double>, unknownID: Int32,
    byteIDs: [Int32], _ added: [AddedToken], _ settings: TokenizerSettings
  ) {
    let tokens = added.filter { !(settings.splitsSpecialTokens && $0.isSpecial) }
    self.normalizer = normalizer
    self.cuts = cuts
    self.search = search
    self.unknownID = unknownID
    self.byteIDs = byteIDs
    plain = FastTokenCutter(tokens.filter { !$0.isNormalized })
    normalized = FastTokenCutter(
      tokens.filter(\.isNormalized).map { token in
        var token = token
        token.content = normalizer.normalized(token.content)
        return token
      })
  }

  /// The added tokens. Those that are no pieces get the ids after the last piece in their order, whatever id the
  /// settings give (`AddedVocabulary::add_tokens`).
  private static func addedTokens(_ vocabulary: Vocabulary) -> [AddedToken] {
    var next = Int32(vocabulary.model.count)
    return vocabulary.added.map { token in
      var token = token
      if let id = vocabulary.model.id(of: Array(token.content.utf8)) {
        token.id = id
      } else {
        token.id = next
        next += 1
      }
      return token
    }
  }

  func pieces(of text: [UInt8]) -> [TextPiece] {
    text.withUnsafeBufferPointer { text in
      var pieces: [TextPiece] = []
      var scalars = 0
      for part in plain.cut(text) {
        let aligned = AlignedText(text, part.bytes, scalars: scalars)
        if let token = part.token {
          pieces.append(TextPiece(id: token.id, scalars: aligned.source, beginsWithSpace: token.stripsLeft))
        } else {
          append(normalizer.normalized(aligned), to: &pieces)
        }
        scalars = aligned.source.upperBound
      }
      return pieces
    }
  }

  private func append(_ text: AlignedText, to pieces: inout [TextPiece]) {
    text.bytes.withUnsafeBufferPointer { bytes in
      for part in normalized.cut(bytes) where !part.bytes.isEmpty {
        if let token = part.token {
          pieces.append(
            TextPiece(id: token.id, scalars: text.source(of: part.bytes), beginsWithSpace: token.stripsLeft))
        } else if cuts.splitsByPunctuation {
          for part in UTF8Text.partsByPunctuation(of: bytes, part.bytes) { appendWords(text, part, to: &pieces) }
        } else {
          appendWords(text, part.bytes, to: &pieces)
        }
      }
    }
  }

  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  private func prepends(to source: Range<Int>) -> Bool {
    switch cuts.prepending {
    case .always: true
    case .first: source.lowerBound == 0
    case .never: false
    }
  }

  /// Every space becomes U+2581, one more is put in front, and each begins a word of its own.
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

  /// Neighbouring unknown characters are one piece, or one for each of their bytes.
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
