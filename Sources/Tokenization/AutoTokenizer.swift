internal import Checkpoints

/// Loads the tokenizer in a folder.
///
/// ```swift
/// let tokenizer = try AutoTokenizer.load(folder: "deberta-base")
/// tokenizer.encode("The cat sat.").ids
/// ```
public enum AutoTokenizer {
  /// The names of the files that contain a tokenizer's pieces.
  public static let modelFiles = ["spm.model", "tokenizer.json", "vocab.json", "merges.txt", "bpe_encoder.bin"]

  /// The names of all files that tokenizers read.
  public static let files = modelFiles + ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]

  /// Loads the tokenizer of a model folder, or of a folder with only a tokenizer.
  ///
  /// `model_type` in `config.json` determines the family; without it the files do.
  ///
  /// - Parameters:
  ///   - folder: the folder with the files.
  ///   - variant: the variant whose ids to return. `tokenizer.json` alone is always the fast tokenizer.
  /// - Throws: ``TokenizerError/otherFamily(folder:needed:found:)`` for a SentencePiece tokenizer of a v1 model, and
  ///   the reverse; the errors of the initializers of ``DebertaV2Tokenizer`` and ``DebertaTokenizer``.
  public static func load(
    folder: String, variant: TokenizerVariant = .slow
  ) throws(TokenizerError) -> any Tokenizer {
    switch try TokenizerFamily(folder: folder) {
    case .sentencePiece: try DebertaV2Tokenizer(folder: folder, variant: variant)
    case .byteLevel: try DebertaTokenizer(folder: folder, variant: variant)
    }
  }
}

extension TokenizerFamily {
  /// The family required by the folder's `config.json`, or else that of its files.
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

  /// The family of a folder's files; nil if it has no tokenizer.
  static func found(in folder: String) throws(TokenizerError) -> TokenizerFamily? {
    func has(_ name: String) -> Bool { TokenizerFile(name, in: folder).exists }
    if has("spm.model") { return .sentencePiece }
    if has("vocab.json") && has("merges.txt") || has("bpe_encoder.bin") { return .byteLevel }
    return try TokenizerFile("tokenizer.json", in: folder).object(SerializedTokenizer.family)
  }

  /// The error for a folder without a tokenizer of this family: it has one of the other, or none.
  func missing(in folder: String) throws(TokenizerError) -> TokenizerError {
    if let found = try Self.found(in: folder), found != self {
      return .otherFamily(folder: folder, needed: self, found: found)
    }
    return .missingFile(path: TokenizerFile(self == .sentencePiece ? "spm.model" : "vocab.json", in: folder).path)
  }
}
