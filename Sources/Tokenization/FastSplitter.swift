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
  private let splitsByPunctuation: Bool

  /// - Throws: ``TokenizerError/unsupportedModel(path:kind:)``.
  init(
    _ proto: SentencePieceProto, _ vocabulary: Vocabulary, _ settings: TokenizerSettings, path: String
  ) throws(TokenizerError) {
    guard proto.isUnigram else { throw .unsupportedModel(path: path, kind: "byte-pair encoding") }
    let normalizer = FastNormalizer(charsmap: proto.normalization.charsmap, lowercases: settings.lowercases)
    let tokens = Self.addedTokens(proto, vocabulary).filter { !(settings.splitsSpecialTokens && $0.isSpecial) }
    self.normalizer = normalizer
    plain = FastTokenCutter(tokens.filter { !$0.isNormalized })
    normalized = FastTokenCutter(
      tokens.filter(\.isNormalized).map { token in
        var token = token
        token.content = normalizer.normalized(token.content)
        return token
      })
    search = UnigramSearch(fast: proto)
    unknownID = proto.unknownID
    splitsByPunctuation = settings.splitsByPunctuation
  }

  /// The model's control and user-defined pieces, then the added tokens. Those that are no pieces get the ids
  /// behind the last piece in their order, whatever id the settings give
  /// (`AddedVocabulary::add_tokens`).
  private static func addedTokens(_ proto: SentencePieceProto, _ vocabulary: Vocabulary) -> [AddedToken] {
    let known = Set(vocabulary.added.map { Array($0.content.utf8) })
    var tokens: [AddedToken] = []
    for (id, piece) in proto.pieces.enumerated() where piece.kind == .control || piece.kind == .userDefined {
      guard !known.contains(Array(piece.text)) else { continue }
      let content = String(decoding: piece.text, as: UTF8.self)
      tokens.append(AddedToken(id: Int32(id), content: content, isSpecial: piece.kind == .control))
    }
    var next = Int32(proto.pieces.count)
    for var token in vocabulary.added {
      if let id = vocabulary.model.id(of: Array(token.content.utf8)) {
        token.id = id
      } else {
        token.id = next
        next += 1
      }
      tokens.append(token)
    }
    return tokens
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
        } else if splitsByPunctuation {
          for part in UTF8Text.partsByPunctuation(of: bytes, part.bytes) { appendWords(text, part, to: &pieces) }
        } else {
          appendWords(text, part.bytes, to: &pieces)
        }
      }
    }
  }

  private static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// Every space becomes U+2581, one more is put in front, and each begins a word of its own.
  private func appendWords(_ text: AlignedText, _ range: Range<Int>, to pieces: inout [TextPiece]) {
    var marked = AlignedText()
    marked.reserve(range.count + Self.space.count)
    var starts: [Int] = []
    if !text.bytes[range].starts(with: Self.space), text.bytes[range.lowerBound] != UInt8(ascii: " ") {
      marked.append(Self.space, from: text.source(of: range.lowerBound..<range.lowerBound))
      starts.append(0)
    }
    for index in range {
      if text.bytes[index] == UInt8(ascii: " ") {
        starts.append(marked.count)
        marked.append(Self.space, from: text.source(of: index..<index + 1))
      } else {
        if text.bytes[index...].starts(with: Self.space) { starts.append(marked.count) }
        marked.append(index..<index + 1, of: text)
      }
    }
    marked.bytes.withUnsafeBufferPointer { bytes in
      for (start, end) in zip(starts, starts.dropFirst() + [bytes.count]) {
        append(search.segments(of: bytes, in: start..<end), of: marked, to: &pieces)
      }
    }
  }

  /// Neighbouring unknown characters are one piece.
  private func append(_ segments: [UnigramSegment], of text: AlignedText, to pieces: inout [TextPiece]) {
    var previousIsUnknown = false
    for segment in segments {
      let source = text.source(of: segment.bytes)
      let isUnknown = segment.id == unknownID
      if isUnknown, previousIsUnknown, let last = pieces.last {
        pieces[pieces.count - 1].scalars = last.scalars.lowerBound..<max(last.scalars.upperBound, source.upperBound)
      } else {
        let beginsWithSpace = text.bytes[segment.bytes].starts(with: Self.space)
        pieces.append(TextPiece(id: segment.id, scalars: source, beginsWithSpace: beginsWithSpace))
      }
      previousIsUnknown = isUnknown
    }
  }
}
