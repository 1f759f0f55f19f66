/// Why a tokenizer could not be loaded, or a text not encoded.
///
/// Each case carries the facts; ``description`` states what was expected, what was found, where, and what to do next.
public enum TokenizerError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A required file is missing.
  case missingFile(path: String)
  /// A file cannot be read.
  case unreadableFile(path: String, reason: String)
  /// A JSON file of the tokenizer does not have the reference's format.
  case malformedSettings(path: String, reason: String)
  /// `spm.model` is not a SentencePiece model, or is corrupt.
  case damagedModel(path: String, byteCount: Int, reason: String)
  /// A word or character model; or a fast variant of a model that is not unigram.
  case unsupportedModel(path: String, kind: String)
  /// A file of a byte-level tokenizer has invalid contents.
  case damagedFile(path: String, reason: String)
  /// The folder's tokenizer belongs to a different family than the model.
  case otherFamily(folder: String, needed: TokenizerFamily, found: TokenizerFamily)
  /// The special tokens alone exceed `maximumLength`.
  case maximumLengthTooSmall(requested: Int, needed: Int)
  /// The text to truncate has no more tokens than the excess.
  case cannotTruncate(TruncationStrategy, tokens: Int, excess: Int)
  /// The text exceeds the range of offsets.
  case textTooLong(byteCount: Int, limit: Int)
  /// The normalized text is too long.
  case normalizedTooLong(byteCount: Int, limit: Int)
  /// An id to decode is not in the vocabulary.
  case unknownID(Int32, vocabularySize: Int)

  public var description: String {
    switch self {
    case .missingFile(let path):
      "\(path): no such file, and none in its place. A tokenizer of DeBERTa-v2 and v3 is an spm.model, one of v1 is a "
        + "vocab.json with merges.txt or a bpe_encoder.bin, and either can be a tokenizer.json. Copy it from where the "
        + "model was published."
    case .unreadableFile(let path, let reason):
      "\(path): cannot be read (\(reason)). Check its permissions, and that it is the file of a tokenizer."
    case .malformedSettings(let path, let reason):
      "\(path): not the JSON that transformers writes (\(reason)). Save the tokenizer again, or take the file away: "
        + "without it the reference's defaults hold."
    case .damagedModel(let path, let byteCount, let reason):
      "\(path): expected a SentencePiece model, found \(byteCount) bytes that are not one (\(reason)). "
        + (byteCount < 1000
          ? "So short a file is often a Git LFS pointer or an error page: fetch the real one."
          : "The copy is probably incomplete: compare its size and checksum with the published file.")
    case .unsupportedModel(let path, let kind):
      "\(path): this is a SentencePiece \(kind) model. DeBERTa's are unigram models; those of byte-pair encoding are read "
        + "by the slow variant too."
    case .damagedFile(let path, let reason):
      "\(path): \(reason). Copy the file again from where the model was published."
    case .otherFamily(let folder, let needed, let found):
      "\(folder): this is \(found); the model needs \(needed) (\(needed.files)). An id means another piece in each of "
        + "them. Copy the tokenizer from where the model was published."
    case .cannotTruncate(let strategy, let tokens, let excess):
      "\(excess) tokens are too many, and '\(strategy.rawValue)' can take them only from a text of \(tokens). Allow "
        + "more tokens, or shorten the longer text first (longest_first)."
    case .maximumLengthTooSmall(let requested, let needed):
      "A maximum length of \(requested) leaves no room: [CLS] and [SEP] alone take \(needed). Ask for more."
    case .textTooLong(let byteCount, let limit):
      "The text has \(byteCount) bytes of UTF-8, more than the \(limit) that can be counted. Split it."
    case .normalizedTooLong(let byteCount, let limit):
      "The text has \(byteCount) bytes of UTF-8 and more than \(limit) when its characters are written out in the forms "
        + "that the tokenizer reads. Split it, or cut it with --max-length."
    case .unknownID(let id, let vocabularySize):
      "Id \(id) is no piece: the vocabulary has \(vocabularySize). "
        + "(A model can have more embedding rows than its tokenizer has pieces.)"
    }
  }
}

extension TokenizerFamily: CustomStringConvertible {
  public var description: String {
    switch self {
    case .sentencePiece: "a SentencePiece tokenizer, as DeBERTa-v2 and v3 have it"
    case .byteLevel: "a byte-level BPE tokenizer, as DeBERTa v1 has it"
    }
  }

  /// The files that make up a tokenizer.
  fileprivate var files: String {
    switch self {
    case .sentencePiece: "spm.model, or a tokenizer.json of the type Unigram"
    case .byteLevel: "vocab.json with merges.txt, bpe_encoder.bin, or a tokenizer.json of the type BPE"
    }
  }
}
