/// Converts texts to the ids that a DeBERTa model reads, and back.
///
/// ``AutoTokenizer`` loads the one for a model folder: ``DebertaV2Tokenizer`` (SentencePiece, DeBERTa-v2 and v3) or
/// ``DebertaTokenizer`` (byte-level BPE, DeBERTa v1).
///
/// *Concurrency*: immutable; one instance serves any number of threads.
public protocol Tokenizer: Sendable {
  /// The variant whose ids are returned.
  var variant: TokenizerVariant { get }

  /// The number of distinct tokens: pieces and added tokens (Python's `len(tokenizer)`). A model can have more
  /// embedding rows.
  var vocabularySize: Int { get }

  /// The most tokens that the model reads, by the tokenizer's settings (`model_max_length`); nil if they name none.
  var maximumLength: Int? { get }

  var clsID: Int32 { get }
  var sepID: Int32 { get }
  var padID: Int32 { get }
  var unkID: Int32 { get }
  /// Nil if `tokenizer_config.json` says so.
  var maskID: Int32? { get }

  /// The id of an added token or a piece, matched byte for byte; nil if there is none.
  func id(of piece: String) -> Int32?

  /// The added token or piece with this id; nil if there is none.
  func piece(of id: Int32) -> String?

  /// Encodes a text, or a text and its pair, with special tokens: `[CLS] text [SEP]`, `[CLS] text [SEP] pair [SEP]`.
  ///
  /// As in the reference, the fast variant treats an empty pair as none.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - pair: the second text; nil for a single text.
  ///   - maximumLength: the maximum number of tokens, including special ones; nil for no limit. Excess tokens are
  ///     dropped, and counted in ``Encoding/truncatedTokens``.
  ///   - truncation: which of the two texts is truncated.
  /// - Throws: ``TokenizerError/maximumLengthTooSmall(requested:needed:)`` if the special tokens alone do not fit;
  ///   ``TokenizerError/cannotTruncate(_:tokens:excess:)`` if the text to truncate is too short;
  ///   ``TokenizerError/textTooLong(byteCount:limit:)`` beyond 2^31 bytes;
  ///   ``TokenizerError/normalizedTooLong(byteCount:limit:)`` for a long text that is read to its end and grows in
  ///   normalization.
  /// - Complexity: linear in the text or, with a maximum length, in a prefix with that many tokens, at least a
  ///   megabyte.
  func encode(
    _ text: String, pair: String?, maximumLength: Int?, truncation: TruncationStrategy
  ) throws(TokenizerError) -> Encoding

  /// Decodes ids, joining them like the reference's slow tokenizer.
  ///
  /// - Parameters:
  ///   - ids: token ids in the vocabulary.
  ///   - skippingSpecialTokens: whether to omit special tokens.
  /// - Throws: ``TokenizerError/unknownID(_:vocabularySize:)``.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) throws(TokenizerError) -> String
}

extension Tokenizer {
  /// Encodes a text, or a text and its pair; the longer one is truncated first.
  public func encode(
    _ text: String, pair: String? = nil, maximumLength: Int? = nil
  ) throws(TokenizerError) -> Encoding {
    try encode(text, pair: pair, maximumLength: maximumLength, truncation: .longestFirst)
  }

  /// Decodes ids, including special tokens.
  public func decode(_ ids: [Int32]) throws(TokenizerError) -> String {
    try decode(ids, skippingSpecialTokens: false)
  }
}
