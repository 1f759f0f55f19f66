internal import Checkpoints
internal import FoundationEssentials
internal import Glibc

/// A file of a tokenizer's folder.
struct TokenizerFile {
  let path: String

  init(_ name: String, in folder: String) {
    path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// The file's bytes; nil if there is no such file.
  ///
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)``.
  func bytes() throws(TokenizerError) -> [UInt8]? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    do {
      return Array(try AtomicFile.read(path, limit: Limits.tokenizerBytes))
    } catch CheckpointError.cannotRead(_, let code) {
      throw .unreadableFile(path: path, reason: String(cString: strerror(code)))
    } catch CheckpointError.notAFile {
      throw .unreadableFile(path: path, reason: "it is no regular file")
    } catch CheckpointError.overLimit(_, let found, let limit, _) {
      throw .unreadableFile(path: path, reason: "it has \(found) bytes, and at most \(limit) are read")
    } catch {
      throw .unreadableFile(path: path, reason: error.description)
    }
  }

  /// The file's JSON; nil if there is no such file.
  ///
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)`` and
  ///   ``TokenizerError/malformedSettings(path:reason:)``.
  func decode<Content: Decodable>(_ type: Content.Type) throws(TokenizerError) -> Content? {
    guard let bytes = try bytes() else { return nil }
    do {
      return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let DecodingError.dataCorrupted(context) {
      throw .malformedSettings(path: path, reason: context.sentence)
    } catch let DecodingError.typeMismatch(_, context) {
      throw .malformedSettings(path: path, reason: context.sentence)
    } catch let DecodingError.valueNotFound(_, context) {
      throw .malformedSettings(path: path, reason: context.sentence)
    } catch let DecodingError.keyNotFound(key, context) {
      throw .malformedSettings(path: path, reason: "\(context.place) lacks '\(key.stringValue)'")
    } catch {
      throw .malformedSettings(path: path, reason: "\(error)")
    }
  }
}

extension DecodingError.Context {
  fileprivate var place: String {
    codingPath.isEmpty ? "the file" : codingPath.map(\.stringValue).joined(separator: ".")
  }

  fileprivate var sentence: String { "\(place): \(debugDescription)" }
}

/// A token as the JSON files write it: a string, or an object with flags.
struct TokenEntry: Sendable, Hashable, Decodable, ExpressibleByStringLiteral {
  var content: String
  var lstrip = false
  var rstrip = false
  var singleWord = false
  var normalized: Bool
  var special: Bool
  /// Written as a string, without flags.
  var isPlain = false

  enum CodingKeys: String, CodingKey {
    case content, lstrip, rstrip, normalized, special
    case singleWord = "single_word"
  }

  init(content: String, normalized: Bool, special: Bool) {
    (self.content, self.normalized, self.special) = (content, normalized, special)
  }

  /// A special token as a string stands for it: sought in the text as it was given.
  init(stringLiteral content: String) {
    self.init(content: content, normalized: false, special: true)
  }

  /// `[UNK]` as a string: sought in the normalised text (`DebertaV2Tokenizer.__init__`).
  static func unknown(_ content: String) -> TokenEntry {
    TokenEntry(content: content, normalized: true, special: true)
  }

  init(from decoder: any Decoder) throws {
    if let content = try? decoder.singleValueContainer().decode(String.self) {
      self.init(stringLiteral: content)
      isPlain = true
      return
    }
    let object = try decoder.container(keyedBy: CodingKeys.self)
    let isSpecial = try object.decodeIfPresent(Bool.self, forKey: .special) ?? false
    self.init(
      content: try object.decode(String.self, forKey: .content),
      normalized: try object.decodeIfPresent(Bool.self, forKey: .normalized) ?? !isSpecial, special: isSpecial)
    lstrip = try object.decodeIfPresent(Bool.self, forKey: .lstrip) ?? false
    rstrip = try object.decodeIfPresent(Bool.self, forKey: .rstrip) ?? false
    singleWord = try object.decodeIfPresent(Bool.self, forKey: .singleWord) ?? false
  }

  func token(id: Int32) -> AddedToken {
    AddedToken(
      id: id, content: content, stripsLeft: lstrip, stripsRight: rstrip, isSingleWord: singleWord,
      isNormalized: normalized, isSpecial: special)
  }
}

/// The special tokens of `tokenizer_config.json` or `special_tokens_map.json`.
/// Outer nil: the file does not name it. Inner nil: the file says null.
struct SpecialTokens: Decodable {
  var bos, eos, unk, sep, pad, cls, mask: TokenEntry??
  var additional: [TokenEntry]?

  enum CodingKeys: String, CodingKey {
    case bos = "bos_token"
    case eos = "eos_token"
    case unk = "unk_token"
    case sep = "sep_token"
    case pad = "pad_token"
    case cls = "cls_token"
    case mask = "mask_token"
    case additional = "additional_special_tokens"
  }

  init(from decoder: any Decoder) throws {
    let object = try decoder.container(keyedBy: CodingKeys.self)
    func token(_ key: CodingKeys) throws -> TokenEntry?? {
      guard object.contains(key) else { return .none }
      guard var entry = try object.decodeIfPresent(TokenEntry.self, forKey: key) else { return .some(nil) }
      entry.special = true
      return .some(entry)
    }
    (bos, eos, unk) = (try token(.bos), try token(.eos), try token(.unk))
    (sep, pad) = (try token(.sep), try token(.pad))
    (cls, mask) = (try token(.cls), try token(.mask))
    additional = try object.decodeIfPresent([TokenEntry].self, forKey: .additional)?.map {
      var entry = $0
      entry.special = true
      return entry
    }
  }
}

/// `tokenizer_config.json`.
struct TokenizerConfig: Decodable {
  var specials: SpecialTokens
  var addedTokensDecoder: [String: TokenEntry]?
  var doLowerCase: Bool?
  var splitByPunct: Bool?
  var splitSpecialTokens: Bool?
  var truncationSide: String?

  enum CodingKeys: String, CodingKey {
    case addedTokensDecoder = "added_tokens_decoder"
    case doLowerCase = "do_lower_case"
    case splitByPunct = "split_by_punct"
    case splitSpecialTokens = "split_special_tokens"
    case truncationSide = "truncation_side"
  }

  init(from decoder: any Decoder) throws {
    specials = try SpecialTokens(from: decoder)
    let object = try decoder.container(keyedBy: CodingKeys.self)
    addedTokensDecoder = try object.decodeIfPresent([String: TokenEntry].self, forKey: .addedTokensDecoder)
    doLowerCase = try object.decodeIfPresent(Bool.self, forKey: .doLowerCase)
    splitByPunct = try object.decodeIfPresent(Bool.self, forKey: .splitByPunct)
    splitSpecialTokens = try object.decodeIfPresent(Bool.self, forKey: .splitSpecialTokens)
    truncationSide = try object.decodeIfPresent(String.self, forKey: .truncationSide)
  }
}

/// The part of `tokenizer.json` that the slow tokenizer reads.
struct SerialisedTokenizer: Decodable {
  struct Token: Decodable {
    var id: Int32
    var entry: TokenEntry

    enum CodingKeys: CodingKey { case id }

    init(from decoder: any Decoder) throws {
      id = try decoder.container(keyedBy: CodingKeys.self).decode(Int32.self, forKey: .id)
      entry = try TokenEntry(from: decoder)
    }
  }

  var addedTokens: [Token]

  enum CodingKeys: String, CodingKey { case addedTokens = "added_tokens" }
}
