/// Turns texts into the ids that a DeBERTa model reads, and back.
///
/// ``AutoTokenizer`` makes the one that a model's folder holds: ``DebertaV2Tokenizer`` (SentencePiece, DeBERTa-v2 and
/// v3) or ``DebertaTokenizer`` (byte-level BPE, DeBERTa v1).
///
/// *Concurrency*: immutable; one instance serves any number of threads.
public protocol Tokenizer: Sendable {
  /// Whose ids these are.
  var variant: TokenizerVariant { get }

  /// The number of different tokens: pieces and added tokens (Python's `len(tokenizer)`).
  /// A model can have more embedding rows.
  var vocabularySize: Int { get }

  var clsID: Int32 { get }
  var sepID: Int32 { get }
  var padID: Int32 { get }
  var unkID: Int32 { get }
  /// Nil if `tokenizer_config.json` says so.
  var maskID: Int32? { get }

  /// The id of an added token or a piece, byte for byte; nil if there is none.
  func id(of piece: String) -> Int32?

  /// The added token or the piece with this id; nil if there is none.
  func piece(of id: Int32) -> String?

  /// Encodes a text, or a text and its pair, with `[CLS]` and `[SEP]` around: `[CLS] text [SEP]`,
  /// `[CLS] text [SEP] pair [SEP]`.
  ///
  /// To the fast variant an empty pair is none, as to the reference's.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - pair: the second one; nil for a text alone.
  ///   - maximumLength: the most tokens, specials included; nil for no limit. What does not fit is dropped, and counted
  ///     in ``Encoding/truncatedTokens``.
  ///   - truncation: which of the two texts is shortened.
  /// - Throws: ``TokenizerError/maximumLengthTooSmall(requested:needed:)`` if the specials alone do not fit;
  ///   ``TokenizerError/cannotTruncate(_:tokens:excess:)`` if the text that is to be shortened is too short;
  ///   ``TokenizerError/textTooLong(byteCount:limit:)`` beyond 2^31 bytes;
  ///   ``TokenizerError/normalizedTooLong(byteCount:limit:)`` for a long text that is read to its end and grows when it
  ///   is normalized.
  /// - Complexity: linear in the text, or, with a maximum length, in its first part that has so many tokens, at least
  ///   a megabyte.
  func encode(
    _ text: String, pair: String?, maximumLength: Int?, truncation: TruncationStrategy
  ) throws(TokenizerError) -> Encoding

  /// The text of ids, as the reference's slow tokenizer joins it.
  ///
  /// - Parameters:
  ///   - ids: token ids, each of the vocabulary.
  ///   - skippingSpecialTokens: leaves the special tokens out.
  /// - Throws: ``TokenizerError/unknownID(_:vocabularySize:)``.
  func decode(_ ids: [Int32], skippingSpecialTokens: Bool) throws(TokenizerError) -> String
}

extension Tokenizer {
  /// Encodes a text, or a text and its pair; the longer one is shortened first.
  public func encode(
    _ text: String, pair: String? = nil, maximumLength: Int? = nil
  ) throws(TokenizerError) -> Encoding {
    try encode(text, pair: pair, maximumLength: maximumLength, truncation: .longestFirst)
  }

  /// The text of ids, special tokens included.
  public func decode(_ ids: [Int32]) throws(TokenizerError) -> String {
    try decode(ids, skippingSpecialTokens: false)
  }
}
