internal import Checkpoints
internal import Files
public import Tasks

/// How a folder of sentence-transformers makes vectors: `modules.json`, and what lies in the folders of its modules.
///
///     Transformer → Pooling → Normalize
///
/// Source: sentence-transformers, `SentenceTransformer.py`, `models/Pooling.py`.
public struct SentenceTransformerFolder: Sendable, Hashable {
  public let pooling: EmbeddingOptions.Pooling
  /// Whether vectors have the length 1.
  public let normalize: Bool
  /// The most tokens of a text (`max_seq_length`); nil if the folder names none.
  public let maximumLength: Int?

  /// Nil for a folder without `modules.json`.
  ///
  /// - Throws: `ConfigurationError` for a file that cannot be read, and for modules and settings that would give other
  ///   vectors than are made here: dense layers, other poolings, prompts, lowercased texts.
  public init?(_ folder: String) throws {
    let file = folder + "/modules.json"
    guard FileSystem.exists(file) else { return nil }
    let value = try JSONValue(AtomicFile.read(file, limit: Limits.configurationBytes), file: file)
    guard case .array(let modules) = value else {
      throw ConfigurationError.impossible(key: "modules", value: value.kind, expected: "a list", file: file)
    }
    var (pooling, normalize) = (EmbeddingOptions.Pooling?.none, false)
    for (place, module) in modules.enumerated() {
      let fields = try ConfigurationFields(module, file: file)
      let type = try fields.string("type")?.split(separator: ".").last ?? ""
      switch (place, type) {
      case (0, "Transformer"): break
      case (1, "Pooling"):
        pooling = try Self.pooling(folder + "/" + (fields.string("path") ?? "1_Pooling") + "/config.json")
      case (2, "Normalize"): normalize = true
      default:
        throw fields.impossible(
          "type", "'\(type)' in place \(place)",
          "Transformer, Pooling and perhaps Normalize: other modules are not supported, and without them the vectors "
            + "would be others")
      }
    }
    guard let pooling else {
      throw ConfigurationError.impossible(
        key: "type", value: "no module 'Pooling'", expected: "Transformer, Pooling and perhaps Normalize", file: file)
    }
    (self.pooling, self.normalize) = (pooling, normalize)
    maximumLength = try Self.transformerLength(folder)
    try Self.checkPrompt(folder + "/config_sentence_transformers.json")
  }

  private static func pooling(_ file: String) throws -> EmbeddingOptions.Pooling {
    let fields = try ConfigurationFields(path: file)
    if let mode = try fields.string("pooling_mode") {
      guard let pooling = EmbeddingOptions.Pooling(rawValue: mode) else {
        throw fields.impossible("pooling_mode", "'\(mode)'", "'mean' or 'cls'")
      }
      return pooling
    }
    let prefix = "pooling_mode_"
    // The one that Pooling chooses where the file does not mention it.
    var modes = try fields.bool(prefix + "mean_tokens") ?? true ? ["mean_tokens"] : []
    for key in fields.members.keys.sorted() where key.hasPrefix(prefix) && key != prefix + "mean_tokens" {
      if try fields.bool(key) == true { modes.append(String(key.dropFirst(prefix.count))) }
    }
    switch modes {
    case ["cls_token"]: return .cls
    case ["mean_tokens"]: return .mean
    default:
      throw fields.impossible(
        prefix + (modes.last ?? "mean_tokens"), modes.isEmpty ? "false" : "true",
        "pooling_mode_mean_tokens or pooling_mode_cls_token alone")
    }
  }

  private static func transformerLength(_ folder: String) throws -> Int? {
    guard let fields = try read(folder + "/sentence_bert_config.json") else { return nil }
    let key = "do_lower_case"
    if try fields.bool(key) == true, try read(folder + "/tokenizer_config.json")?.bool(key) != true {
      throw fields.impossible(
        key, "true",
        "false, or the same setting in tokenizer_config.json: texts are not lowercased before the tokenizer here")
    }
    return try fields.integer("max_seq_length", in: 3...1 << 24)
  }

  private static func checkPrompt(_ file: String) throws {
    guard let fields = try read(file), let name = try fields.string("default_prompt_name") else { return }
    throw fields.impossible(
      "default_prompt_name", "'\(name)'",
      "none: put the prompt before your texts, and set it to null, since no text gets one here")
  }

  private static func read(_ file: String) throws -> ConfigurationFields? {
    FileSystem.exists(file) ? try ConfigurationFields(path: file) : nil
  }
}

extension Workspace {
  /// How the base model makes vectors, if it is a folder of sentence-transformers.
  ///
  /// - Throws: `ConfigurationError` for settings that would give other vectors than are made here.
  public func sentenceTransformer() throws -> SentenceTransformerFolder? { try SentenceTransformerFolder(modelFolder) }
}
