internal import Checkpoints
internal import FoundationEssentials
internal import Glibc

/// A file in a tokenizer's folder.
struct TokenizerFile {
  let path: String
  /// The maximum number of bytes to read.
  private let limit: Int

  init(_ name: String, in folder: String) {
    limit =
      ["spm.model", "tokenizer.json", "vocab.json", "merges.txt"].contains(name)
      ? Limits.tokenizerBytes : Limits.configurationBytes
    path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// Whether the file exists.
  var exists: Bool { FileManager.default.fileExists(atPath: path) }

  /// The file's bytes; nil if it does not exist.
  ///
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)``.
  func bytes() throws(TokenizerError) -> [UInt8]? {
    guard exists else { return nil }
    do {
      return Array(try AtomicFile.read(path, limit: limit))
    } catch CheckpointError.cannotRead(_, let code) {
      throw .unreadableFile(path: path, reason: String(cString: strerror(code)))
    } catch CheckpointError.notAFile {
      throw .unreadableFile(path: path, reason: "it is not a regular file")
    } catch CheckpointError.overLimit(_, let found, let limit, _) {
      throw .unreadableFile(path: path, reason: "it has \(found) bytes, and at most \(limit) are read")
    } catch {
      throw .unreadableFile(path: path, reason: error.description)
    }
  }

  /// Parses the object in the file with `read`; nil if the file does not exist.
  ///
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)`` and
  ///   ``TokenizerError/malformedSettings(path:reason:)``.
  func object<Content>(
    _ read: (ConfigurationFields) throws(ConfigurationError) -> Content
  ) throws(TokenizerError) -> Content? {
    guard let bytes = try bytes() else { return nil }
    do throws(ConfigurationError) {
      let value: JSONValue
      do { value = try JSONValue(Data(bytes), file: path) } catch { throw ConfigurationError.unreadable(error) }
      return try read(ConfigurationFields(value, file: path))
    } catch {
      throw .malformedSettings(path: path, reason: reason(error))
    }
  }

  /// The message of an error without the file's name, which a tokenizer error adds.
  func reason(_ error: some CustomStringConvertible) -> String {
    let text = error.description
    let sentence = text.hasPrefix(path + ": ") ? text.dropFirst(path.count + 2) : text[...]
    return sentence.hasSuffix(".") ? String(sentence.dropLast()) : String(sentence)
  }
}

/// A token in a JSON file: a string, or an object with flags.
struct TokenEntry: Sendable, Hashable, ExpressibleByStringLiteral {
  var content: String
  var lstrip = false
  var rstrip = false
  var singleWord = false
  var normalized: Bool
  var special: Bool
  /// Written as a string, without flags.
  var isPlain = false

  init(content: String, normalized: Bool, special: Bool) {
    (self.content, self.normalized, self.special) = (content, normalized, special)
  }

  /// A special token given as a string: matched in the original text.
  init(stringLiteral content: String) {
    self.init(content: content, normalized: false, special: true)
  }

  /// Reads a string, or an object.
  init(_ value: JSONValue, file: String) throws(ConfigurationError) {
    if case .string(let content) = value {
      self.init(stringLiteral: content)
      isPlain = true
      return
    }
    try self.init(ConfigurationFields(value, file: file))
  }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    guard let content = try fields.string("content") else { throw .missing(key: "content", file: fields.file) }
    let isSpecial = try fields.bool("special") ?? false
    self.init(content: content, normalized: try fields.bool("normalized") ?? !isSpecial, special: isSpecial)
    lstrip = try fields.bool("lstrip") ?? false
    rstrip = try fields.bool("rstrip") ?? false
    singleWord = try fields.bool("single_word") ?? false
  }

  func token(id: Int32) -> AddedToken {
    AddedToken(
      id: id, content: content, stripsLeft: lstrip, stripsRight: rstrip, isSingleWord: singleWord,
      isNormalized: normalized, isSpecial: special)
  }
}

/// The special tokens of `tokenizer_config.json` or `special_tokens_map.json`. Outer nil: the file does not mention it.
/// Inner nil: the file contains null.
struct SpecialTokens {
  let bos, eos, unk, sep, pad, cls, mask: TokenEntry??
  let additional: [TokenEntry]?

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    bos = try fields.special("bos_token")
    eos = try fields.special("eos_token")
    unk = try fields.special("unk_token")
    sep = try fields.special("sep_token")
    pad = try fields.special("pad_token")
    cls = try fields.special("cls_token")
    mask = try fields.special("mask_token")
    let list: [JSONValue]? = try fields.value("additional_special_tokens", "a list of tokens") { value in
      if case .array(let elements) = value { elements } else { nil }
    }
    additional = try list.map { elements throws(ConfigurationError) in
      var tokens: [TokenEntry] = []
      for element in elements {
        var entry = try TokenEntry(element, file: fields.file)
        entry.special = true
        tokens.append(entry)
      }
      return tokens
    }
  }
}

extension ConfigurationFields {
  fileprivate func special(_ key: String) throws(ConfigurationError) -> TokenEntry?? {
    guard let value = members[key] else { return .none }
    guard value != .null else { return .some(nil) }
    var entry = try TokenEntry(value, file: file)
    entry.special = true
    return .some(entry)
  }
}

/// `tokenizer_config.json`.
struct TokenizerConfig {
  let specials: SpecialTokens
  /// The added tokens, with ids; nil in files of older versions.
  let added: [(id: Int32, entry: TokenEntry)]?
  let lowercases, splitsByPunctuation, splitsSpecialTokens, addsPrefixSpace: Bool
  let truncationSide: String?
  /// Nil also for the huge number that stands for no limit.
  let maximumLength: Int?

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    specials = try SpecialTokens(fields)
    lowercases = try fields.bool("do_lower_case") ?? false
    splitsByPunctuation = try fields.bool("split_by_punct") ?? false
    splitsSpecialTokens = try fields.bool("split_special_tokens") ?? false
    addsPrefixSpace = try fields.bool("add_prefix_space") ?? false
    truncationSide = try fields.string("truncation_side")
    maximumLength = fields.members["model_max_length"]?.double.flatMap { (1..<1e6).contains($0) ? Int($0) : nil }
    added = try fields.object("added_tokens_decoder").map { decoder throws(ConfigurationError) in
      var tokens: [(id: Int32, entry: TokenEntry)] = []
      for (key, value) in decoder.members {
        guard let id = Int32(key), id >= 0 else {
          throw fields.impossible("added_tokens_decoder", "an object with the key '\(key)'", "ids as keys")
        }
        tokens.append((id, try TokenEntry(value, file: fields.file)))
      }
      return tokens
    }
  }
}
