internal import Checkpoints

/// The tokenizer of DeBERTa-v2 and DeBERTa-v3: a SentencePiece model, added tokens, and surrounding `[CLS]` and
/// `[SEP]`.
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
public final class DebertaV2Tokenizer: Tokenizer {
  let encoder: PairEncoder

  /// Reads `spm.model` and the JSON files in its folder, or `tokenizer.json` if there is no `spm.model`.
  ///
  /// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` are optional and interpreted as in the
  /// reference. If there is an `spm.model`, only the `added_tokens` of `tokenizer.json` are read, and only if
  /// `tokenizer_config.json` has no `added_tokens_decoder`.
  ///
  /// - Parameters:
  ///   - folder: the folder with the files.
  ///   - variant: the variant whose ids to return. `tokenizer.json` alone is always the fast tokenizer.
  /// - Throws: ``TokenizerError/missingFile(path:)`` if there is neither,
  ///   ``TokenizerError/unreadableFile(path:reason:)``,
  ///   ``TokenizerError/damagedModel(path:byteCount:reason:)``,
  ///   ``TokenizerError/malformedSettings(path:reason:)``, also for an unsupported step of `tokenizer.json`;
  /// ``TokenizerError/unsupportedModel(path:kind:)`` for a word or character model, and for the fast variant of a model
  /// that is not unigram.
  public init(folder: String, variant: TokenizerVariant = .slow) throws(TokenizerError) {
    let file = TokenizerFile("spm.model", in: folder)
    let json = TokenizerFile("tokenizer.json", in: folder)
    guard let bytes = try file.bytes() else {
      guard let serialized = try json.object(SerializedTokenizer.init) else {
        throw try TokenizerFamily.sentencePiece.missing(in: folder)
      }
      guard case .unigram(let pieces, let cuts) = serialized.model else {
        throw .otherFamily(folder: folder, needed: .sentencePiece, found: .byteLevel)
      }
      let settings = try TokenizerSettings(.sentencePiece, folder: folder, serialized: serialized.addedTokens)
      let vocabulary = try Vocabulary(pieces, settings, folder: folder)
      encoder = PairEncoder(
        variant: .fast, vocabulary: vocabulary,
        splitter: FastSplitter(pieces, cuts, serialized.normalizer, vocabulary, settings),
        truncationSide: settings.truncationSide,
        modelMaximumLength: settings.maximumLength)
      return
    }
    let proto = try SentencePieceProto(bytes, path: file.path)
    let settings = try TokenizerSettings(.sentencePiece, folder: folder)
    let model = SentencePieceModel(proto)
    let vocabulary = try Vocabulary(model, settings, folder: folder)
    let splitter: any TextSplitter =
      switch variant {
      case .slow: SlowSplitter(model, proto, vocabulary, settings)
      case .fast: try FastSplitter(proto, vocabulary, settings, path: file.path)
      }
    encoder = PairEncoder(
      variant: variant, vocabulary: vocabulary, splitter: splitter, truncationSide: settings.truncationSide,
      modelMaximumLength: settings.maximumLength)
  }

  var vocabulary: Vocabulary { encoder.vocabulary }

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
}
