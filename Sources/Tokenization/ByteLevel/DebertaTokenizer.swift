internal import Checkpoints

/// The tokenizer of DeBERTa v1: byte-level BPE, added tokens, and surrounding `[CLS]` and `[SEP]`.
///
/// Pieces are written in GPT-2's alphabet, in which `Ġ` is a space:
///
/// ```swift
/// let tokenizer = try DebertaTokenizer(folder: "deberta-base")
/// try tokenizer.encode("The cat sat.").tokens   // [CLS] The Ġcat Ġsat . [SEP]
/// ```
///
/// - SeeAlso: transformers/models/deberta/tokenization_deberta.py
public final class DebertaTokenizer: Tokenizer {
  private let encoder: PairEncoder

  /// Reads `vocab.json` with `merges.txt`, `tokenizer.json`, or Microsoft's `bpe_encoder.bin`.
  ///
  /// The slow variant looks for them in this order; the fast one prefers `tokenizer.json`. `tokenizer_config.json`,
  /// `special_tokens_map.json` and `added_tokens.json` are optional and interpreted as in the reference.
  /// `bpe_encoder.bin` alone is Microsoft's own tokenizer, which treats `[MASK]` in a text as ordinary text.
  ///
  /// `add_prefix_space` is taken from `tokenizer_config.json`, false by default; as in `DebertaTokenizerFast`, that of
  /// `tokenizer.json` is ignored.
  ///
  /// - Parameters:
  ///   - folder: the folder with the files.
  ///   - variant: the variant whose ids to return. `tokenizer.json` alone is always the fast tokenizer,
  ///     `bpe_encoder.bin` alone the slow one.
  /// - Throws: ``TokenizerError/missingFile(path:)`` if there are none of them,
  ///   ``TokenizerError/otherFamily(folder:needed:found:)`` if they are a SentencePiece tokenizer,
  ///   ``TokenizerError/unreadableFile(path:reason:)``, ``TokenizerError/damagedFile(path:reason:)``,
  ///   ``TokenizerError/malformedSettings(path:reason:)``, also for an unsupported step of `tokenizer.json`.
  public init(folder: String, variant: TokenizerVariant = .slow) throws(TokenizerError) {
    if variant == .slow, let model = try ByteLevelModel(vocabularyIn: folder) {
      encoder = try Self.encoder(model, variant, folder)
    } else if let serialized = try TokenizerFile("tokenizer.json", in: folder).object(SerializedTokenizer.init) {
      guard case .byteLevel(let model) = serialized.model else {
        throw .otherFamily(folder: folder, needed: .byteLevel, found: .sentencePiece)
      }
      encoder = try Self.encoder(model, .fast, folder, serialized)
    } else if let model = try ByteLevelModel(vocabularyIn: folder) {
      encoder = try Self.encoder(model, variant, folder)
    } else if let model = try ByteLevelModel(encoderIn: folder) {
      encoder = try Self.microsoft(model, folder)
    } else {
      throw try TokenizerFamily.byteLevel.missing(in: folder)
    }
  }

  private static func encoder(
    _ model: ByteLevelModel, _ variant: TokenizerVariant, _ folder: String, _ serialized: SerializedTokenizer? = nil
  ) throws(TokenizerError) -> PairEncoder {
    let settings = try TokenizerSettings(.byteLevel, folder: folder, serialized: serialized?.addedTokens)
    let vocabulary = try Vocabulary(model.pieces, settings, folder: folder)
    let parts: ByteLevelSplitter.Parts =
      switch variant {
      case .slow: .slow(SlowTokenCutter(settings.splitsSpecialTokens ? [] : vocabulary.added))
      case .fast:
        .fast(FastParts(serialized?.normalizer ?? FastNormalizer(steps: []), vocabulary.addedAsFast, settings))
      }
    return PairEncoder(
      variant: variant, vocabulary: vocabulary,
      splitter: ByteLevelSplitter(
        parts: parts, merges: model.merges(variant == .slow ? .byMerge : .byPlace, unknown: vocabulary.unk.id),
        addsPrefixSpace: settings.addsPrefixSpace),
      truncationSide: settings.truncationSide, modelMaximumLength: settings.maximumLength)
  }

  /// Microsoft's own tokenizer, which has no settings.
  private static func microsoft(_ model: ByteLevelModel, _ folder: String) throws(TokenizerError) -> PairEncoder {
    let vocabulary = try Vocabulary(model.pieces, TokenizerSettings(.byteLevel), folder: folder)
    return PairEncoder(
      variant: .slow, vocabulary: vocabulary,
      splitter: ByteLevelSplitter(
        parts: .slow(SlowTokenCutter([])), merges: model.merges(.byMerge, unknown: vocabulary.unk.id),
        addsPrefixSpace: false),
      truncationSide: .right, modelMaximumLength: nil)
  }

  private var vocabulary: Vocabulary { encoder.vocabulary }

  public var variant: TokenizerVariant { encoder.variant }
  public var vocabularySize: Int { vocabulary.size }
  public var maximumLength: Int? { encoder.modelMaximumLength }

  public var clsID: Int32 { vocabulary.cls.id }
  public var sepID: Int32 { vocabulary.sep.id }
  public var padID: Int32 { vocabulary.pad.id }
  public var unkID: Int32 { vocabulary.unk.id }
  public var maskID: Int32? { vocabulary.mask?.id }

  public func id(of piece: String) -> Int32? { vocabulary.id(of: piece) }

  public func piece(of id: Int32) -> String? { vocabulary.piece(of: id) }

  public func encode(
    _ text: String, pair: String?, maximumLength: Int?, truncation: TruncationStrategy
  ) throws(TokenizerError) -> Encoding {
    try encoder.encode(text, pair: pair, maximumLength: maximumLength, truncation: truncation)
  }

  /// The text of ids, joined as in `DebertaTokenizer.decode`: special tokens follow without a space, other added tokens
  /// are surrounded by spaces.
  ///
  /// - SeeAlso: `PreTrainedTokenizer._decode` (transformers/tokenization_utils.py).
  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) throws(TokenizerError) -> String {
    let special = Set(vocabulary.specials.map(\.id))
    var parts: [String] = []
    var run: [UInt8] = []
    func finishRun() {
      if !run.isEmpty { parts.append(String(decoding: run, as: UTF8.self)) }
      run = []
    }
    for id in ids where !(skippingSpecialTokens && special.contains(id)) {
      guard let piece = vocabulary.piece(of: id) else { throw .unknownID(id, vocabularySize: vocabularySize) }
      if vocabulary.added(of: id) != nil, !special.contains(id) {
        finishRun()
        parts.append(piece)
      } else {
        run += ByteAlphabet.bytes(of: piece)
      }
    }
    finishRun()
    return parts.joined(separator: " ")
  }
}

extension ByteLevelModel {
  /// - Parameter unknown: the id for unknown pieces.
  fileprivate func merges(_ order: ByteLevelMerges.Order, unknown: Int32) -> ByteLevelMerges {
    ByteLevelMerges(merges, order: order) { pieces.id(of: $0) ?? unknown }
  }
}
