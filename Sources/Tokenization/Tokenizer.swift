internal import Checkpoints

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

/// Whose ids a tokenizer gives. They differ in rare cases.
public enum TokenizerVariant: String, Sendable, CaseIterable {
  /// `DebertaTokenizer` and `DebertaV2Tokenizer`. The published models were trained with these ids.
  case slow

  /// `DebertaTokenizerFast` and `DebertaV2TokenizerFast`.
  ///
  /// Of DeBERTa-v2 and v3: as converted from `spm.model`, without byte fallback, so that a character without a piece
  /// becomes `[UNK]`; literal byte pieces ("<0x41>") are found in the text. Of v1 only added tokens and the truncation
  /// of pairs differ.
  case fast
}

/// Makes the tokenizer that a folder holds.
///
/// ```swift
/// let tokenizer = try AutoTokenizer.load(folder: "deberta-base")
/// tokenizer.encode("The cat sat.").ids
/// ```
public enum AutoTokenizer {
  /// The names of the files that hold a tokenizer's pieces.
  public static let modelFiles = ["spm.model", "tokenizer.json", "vocab.json", "merges.txt", "bpe_encoder.bin"]

  /// The names of all files from which tokenizers are read.
  public static let files = modelFiles + ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]

  /// Reads the tokenizer of a model's folder, or of a folder with a tokenizer alone.
  ///
  /// `model_type` of `config.json` decides which one is needed; without it the files do.
  ///
  /// - Parameters:
  ///   - folder: where the files are.
  ///   - variant: whose ids to give. `tokenizer.json` alone is the fast tokenizer, whatever is given here.
  /// - Throws: ``TokenizerError/otherFamily(folder:needed:found:)`` for a SentencePiece tokenizer of a v1 model, and
  ///   the reverse; what the initializers of ``DebertaV2Tokenizer`` and ``DebertaTokenizer`` throw.
  public static func load(
    folder: String, variant: TokenizerVariant = .slow
  ) throws(TokenizerError) -> any Tokenizer {
    switch try TokenizerFamily(folder: folder) {
    case .sentencePiece: try DebertaV2Tokenizer(folder: folder, variant: variant)
    case .byteLevel: try DebertaTokenizer(folder: folder, variant: variant)
    }
  }
}

/// The two kinds of tokenizers of DeBERTa models.
public enum TokenizerFamily: Sendable, Hashable {
  /// Of v2 and v3.
  case sentencePiece
  /// Of v1.
  case byteLevel

  /// What the folder's `config.json` needs, or what its files are.
  init(folder: String) throws(TokenizerError) {
    let modelType = try? TokenizerFile("config.json", in: folder).object { fields throws(ConfigurationError) in
      try fields.string("model_type")
    }
    switch modelType ?? nil {
    case "deberta": self = .byteLevel
    case "deberta-v2": self = .sentencePiece
    default: self = try Self.found(in: folder) ?? .sentencePiece
    }
  }

  /// What the files of a folder are; nil if none is a tokenizer's.
  static func found(in folder: String) throws(TokenizerError) -> TokenizerFamily? {
    func has(_ name: String) -> Bool { TokenizerFile(name, in: folder).exists }
    if has("spm.model") { return .sentencePiece }
    if has("vocab.json") && has("merges.txt") || has("bpe_encoder.bin") { return .byteLevel }
    return try TokenizerFile("tokenizer.json", in: folder).object(SerializedTokenizer.family)
  }

  /// Why a folder has no tokenizer of this family: it has one of the other, or none.
  func missing(in folder: String) throws(TokenizerError) -> TokenizerError {
    if let found = try Self.found(in: folder), found != self {
      return .otherFamily(folder: folder, needed: self, found: found)
    }
    return .missingFile(path: TokenizerFile(self == .sentencePiece ? "spm.model" : "vocab.json", in: folder).path)
  }
}
