internal import Checkpoints

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

extension TokenizerFamily {
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
