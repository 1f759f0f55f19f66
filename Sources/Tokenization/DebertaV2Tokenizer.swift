internal import Checkpoints

/// The tokenizer of DeBERTa-v2 and DeBERTa-v3: a SentencePiece model, added
/// tokens, and `[CLS]` and `[SEP]` around.
///
/// Concretely, for a text, and for a text with its pair:
///
///     [CLS] text [SEP]
///     [CLS] text [SEP] pair [SEP]
///
/// ```swift
/// let tokenizer = try DebertaV2Tokenizer(folder: "Models/deberta-v3-tiny-en")
/// let encoding = try tokenizer.encode("The cat sat.", maximumLength: 128)
/// encoding.ids              // [1, 309, …, 2]
/// encoding.truncatedTokens  // 0: nothing was dropped
/// ```
///
/// *Concurrency*: immutable after `init`; one instance serves any number of threads.
///
/// - SeeAlso: transformers/models/deberta_v2/tokenization_deberta_v2.py
public final class DebertaV2Tokenizer: Sendable {
  /// Whose ids to give. They differ where a character has no piece, and in rarer cases.
  public enum Variant: String, Sendable, CaseIterable {
    /// `DebertaV2Tokenizer`: sentencepiece, with its byte fallback. The
    /// published models were trained with these ids.
    case slow

    /// `DebertaV2TokenizerFast`, as converted from `spm.model`: no byte fallback, so a character
    /// without a piece becomes `[UNK]`; literal byte pieces ("<0x41>") are found in the text.
    case fast
  }

  public let variant: Variant
  let vocabulary: Vocabulary
  private let splitter: Splitter
  private let truncationSide: TokenizerSettings.Side

  private enum Splitter: Sendable {
    case slow(SlowSplitter)
    case fast(FastSplitter)
  }

  /// Reads `spm.model` and the JSON files beside it, or `tokenizer.json` where there is no `spm.model`.
  ///
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` are read as the reference reads them;
  /// each may be missing. Beside `spm.model` only the `added_tokens` of `tokenizer.json` are read, and only if
  /// `tokenizer_config.json` has no `added_tokens_decoder`.
  ///
  /// - Parameters:
  ///   - folder: where the files are.
  ///   - variant: whose ids to give. `tokenizer.json` alone is the fast tokenizer, whatever is given here.
  /// - Throws: ``TokenizerError/missingFile(path:)`` without either,
  ///   ``TokenizerError/unreadableFile(path:reason:)``,
  ///   ``TokenizerError/damagedModel(path:byteCount:reason:)``,
  ///   ``TokenizerError/malformedSettings(path:reason:)``, also for a step of `tokenizer.json` that is not known;
  ///   ``TokenizerError/unsupportedModel(path:kind:)`` for a word or character model, and for the fast variant of a
  ///   model that is not unigram.
  public init(folder: String, variant: Variant = .slow) throws(TokenizerError) {
    let file = TokenizerFile("spm.model", in: folder)
    let json = TokenizerFile("tokenizer.json", in: folder)
    guard let bytes = try file.bytes() else {
      guard let serialized = try json.object(SerializedTokenizer.init) else { throw .missingFile(path: file.path) }
      let settings = try TokenizerSettings(folder: folder, serialized: serialized.addedTokens)
      self.variant = .fast
      vocabulary = try Vocabulary(serialized.pieces, settings, folder: folder)
      truncationSide = settings.truncationSide
      splitter = .fast(FastSplitter(serialized, vocabulary, settings))
      return
    }
    let proto = try SentencePieceProto(bytes, path: file.path)
    let config = TokenizerFile("tokenizer_config.json", in: folder)
    let listsTokens = try config.object { $0.members["added_tokens_decoder"] ?? .null } ?? .null != .null
    let added = try listsTokens ? nil : json.object(SerializedTokenizer.addedTokens)
    let settings = try TokenizerSettings(folder: folder, serialized: added)
    let model = SentencePieceModel(proto)
    let vocabulary = try Vocabulary(model, settings, folder: folder)
    self.variant = variant
    self.vocabulary = vocabulary
    truncationSide = settings.truncationSide
    splitter =
      switch variant {
      case .slow: .slow(SlowSplitter(model, proto, vocabulary, settings))
      case .fast: .fast(try FastSplitter(proto, vocabulary, settings, path: file.path))
      }
  }

  /// The number of different tokens: pieces and added tokens (Python's `len(tokenizer)`).
  /// A model can have more embedding rows.
  public var vocabularySize: Int { vocabulary.size }

  public var clsID: Int32 { vocabulary.cls.id }
  public var sepID: Int32 { vocabulary.sep.id }
  public var padID: Int32 { vocabulary.pad.id }
  public var unkID: Int32 { vocabulary.unk.id }

  /// Nil if `tokenizer_config.json` says so.
  public var maskID: Int32? { vocabulary.mask?.id }

  /// The id of an added token or a piece, byte for byte; nil if there is none.
  public func id(of piece: String) -> Int32? { vocabulary.id(of: piece) }

  /// The added token or the piece with this id; nil if there is none.
  public func piece(of id: Int32) -> String? { vocabulary.piece(of: id) }

  /// Encodes a text, or a text and its pair, with `[CLS]` and `[SEP]` around.
  ///
  /// To the fast variant an empty pair is none, as to the reference's.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - pair: the second one; nil for a text alone.
  ///   - maximumLength: the most tokens, specials included; nil for no limit.
  ///     What does not fit is dropped as the reference's `longest_first` does,
  ///     and counted in ``Encoding/truncatedTokens``.
  /// - Throws: ``TokenizerError/maximumLengthTooSmall(requested:needed:)`` when
  ///   the specials alone do not fit; ``TokenizerError/textTooLong(byteCount:limit:)``
  ///   beyond 2^31 bytes.
  /// - Complexity: linear in the text, or, with a maximum length, in its first part that has so many tokens, at least
  ///   a megabyte.
  public func encode(
    _ text: String, pair: String? = nil, maximumLength: Int? = nil
  ) throws(TokenizerError) -> Encoding {
    let pair = variant == .fast && pair?.isEmpty == true ? nil : pair
    let specials = pair == nil ? 2 : 3
    if let maximumLength, maximumLength < specials {
      throw .maximumLengthTooSmall(requested: maximumLength, needed: specials)
    }
    let room = maximumLength.map { $0 - specials } ?? .max
    let first = try sequence(text, room: room)
    let second: Sequence? = if let pair { try sequence(pair, room: room) } else { nil }
    let kept = Truncation(variant: variant).kept(text: first.pieces.count, pair: second?.pieces.count, room: room)

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

  /// The pieces of a text: of all of it, or, where the text is long, of a start that has more than `room` pieces.
  ///
  /// The best pieces of a start are those of the whole text but for the last few of them, which a longer text may cut
  /// otherwise; those are not kept.
  private func sequence(_ text: String, room: Int) throws(TokenizerError) -> Sequence {
    let count = text.utf8.count
    guard count < Int32.max else { throw .textTooLong(byteCount: count, limit: Int(Int32.max)) }
    let doubtful = 1_000
    var size = Limits.exactTextBytes
    while truncationSide == .right, size < count, room < size {
      let bytes = UTF8Text.wholeScalars(text.utf8.prefix(size))
      var sequence = sequence(bytes, String(decoding: bytes, as: UTF8.self))
      if sequence.pieces.count - doubtful > room {
        sequence.pieces.removeLast(doubtful)
        return sequence
      }
      size *= 4
    }
    return sequence(Array(text.utf8), text)
  }

  private func sequence(_ bytes: [UInt8], _ text: String) -> Sequence {
    let source = SourceText(text)
    return switch splitter {
    case .slow(let splitter): Sequence(source: source, pieces: splitter.pieces(of: bytes))
    case .fast(let splitter): Sequence(source: source, pieces: splitter.pieces(of: bytes))
    }
  }

  private func append(_ sequence: Sequence, keeping count: Int, number: Int, to encoding: inout Encoding) {
    let pieces = truncationSide == .right ? sequence.pieces.prefix(count) : sequence.pieces.suffix(count)
    for piece in pieces {
      let offsets = sequence.source.offsets(of: piece)
      encoding.ids.append(piece.id)
      encoding.tokenTypeIDs.append(Int32(number))
      encoding.tokens.append(vocabulary.piece(of: piece.id) ?? vocabulary.unk.content)
      encoding.offsets.append(offsets)
      encoding.sequence.append(number)
      encoding.words.append(sequence.source.word(at: offsets))
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

  /// A special that is put around the texts.
  fileprivate mutating func append(_ special: AddedToken, type: Int32) {
    ids.append(special.id)
    tokenTypeIDs.append(type)
    tokens.append(special.content)
    offsets.append(0..<0)
    sequence.append(nil)
    words.append(nil)
  }
}
