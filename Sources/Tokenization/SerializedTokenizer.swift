internal import Checkpoints
internal import FoundationEssentials

/// A DeBERTa `tokenizer.json`: the model's pieces, added tokens, and the preprocessing steps.
///
/// Unsupported settings that would change ids are refused by name.
///
/// - SeeAlso: tokenizers/src/{models/unigram,models/bpe,normalizers,pre_tokenizers,processors}, their
///   `serialization.rs`.
struct SerializedTokenizer {
  enum Model {
    /// Of DeBERTa-v2 and v3.
    case unigram(UnigramPieces, FastCuts)
    /// Of v1.
    case byteLevel(ByteLevelModel)
  }

  let model: Model
  let addedTokens: [(id: Int32, entry: TokenEntry)]
  let normalizer: FastNormalizer

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    guard let model = try fields.object("model") else { throw .missing(key: "model", file: fields.file) }
    addedTokens = try Self.addedTokens(fields)
    normalizer = FastNormalizer(steps: try fields.normalizerSteps())
    try fields.checkTemplate()
    let steps = try fields.parts("pre_tokenizer", nested: "pretokenizers")
    switch try Self.family(fields) {
    case .sentencePiece:
      let listed = try model.pieces()
      guard !listed.isEmpty, let unknown = try model.integer("unk_id", in: 0...listed.count - 1) else {
        throw .missing(key: "model.unk_id", file: fields.file)
      }
      let pieces = UnigramPieces(
        listed, unknownID: Int32(unknown), fallsBackToBytes: try model.bool("byte_fallback") ?? false)
      self.model = .unigram(pieces, try FastCuts(steps))
    case .byteLevel:
      self.model = .byteLevel(try ByteLevelModel(serialized: model))
      try fields.checkByteLevel(steps)
    }
  }

  /// The tokenizer's family.
  ///
  /// - Throws: `ConfigurationError.impossible` for a type that DeBERTa does not use.
  static func family(_ fields: ConfigurationFields) throws(ConfigurationError) -> TokenizerFamily {
    let model = try fields.object("model")
    switch try model?.string("type") ?? (model?.members["merges"] == nil ? "Unigram" : "BPE") {
    case "Unigram": return .sentencePiece
    case "BPE": return .byteLevel
    case let other:
      throw fields.impossible(
        "model.type", "'\(other)'", "'Unigram', as DeBERTa-v2 and v3 have it, or 'BPE', as DeBERTa v1 has it")
    }
  }

  /// Only the added tokens.
  static func addedTokens(
    _ fields: ConfigurationFields
  ) throws(ConfigurationError) -> [(id: Int32, entry: TokenEntry)] {
    var tokens: [(id: Int32, entry: TokenEntry)] = []
    for element in try fields.elements("added_tokens") {
      let token = try ConfigurationFields(element, file: fields.file)
      guard let id = try token.integer("id", in: 0...Int(Int32.max)) else {
        throw .missing(key: "added_tokens.id", file: fields.file)
      }
      tokens.append((Int32(id), try TokenEntry(token)))
    }
    return tokens
  }
}

extension ConfigurationFields {
  /// The elements of a list; empty if it is missing.
  func elements(_ key: String) throws(ConfigurationError) -> [JSONValue] {
    try value(key, "a list") { if case .array(let elements) = $0 { elements } else { nil } } ?? []
  }

  /// Checks that a text is split like GPT-2. Whether to prepend a space is set in `tokenizer_config.json`.
  fileprivate func checkByteLevel(_ steps: [ConfigurationFields]) throws(ConfigurationError) {
    let types = try steps.map { step throws(ConfigurationError) in try step.string("type") ?? "" }
    guard types == ["ByteLevel"], try steps[0].bool("use_regex") ?? true else {
      throw impossible(
        "pre_tokenizer", types.isEmpty ? "null" : types.joined(separator: ", "), "ByteLevel alone, with its expression")
    }
  }

  fileprivate func pieces() throws(ConfigurationError) -> [(text: [UInt8], score: Double)] {
    var pieces: [(text: [UInt8], score: Double)] = []
    for element in try elements("vocab") {
      guard case .array(let pair) = element, pair.count == 2, case .string(let text) = pair[0],
        let score = pair[1].double
      else { throw impossible("model.vocab", element.kind, "a list of pieces, each with its score") }
      pieces.append((Array(text.utf8), score))
    }
    return pieces
  }

  /// The parts of a sequence, or a single part; none for null.
  fileprivate func parts(_ key: String, nested: String) throws(ConfigurationError) -> [ConfigurationFields] {
    guard let part = try object(key) else { return [] }
    guard try part.string("type") == "Sequence" else { return [part] }
    var parts: [ConfigurationFields] = []
    for element in try part.elements(nested) {
      let inner = try ConfigurationFields(element, file: file)
      parts += try ConfigurationFields(.object([key: .object(inner.members)]), file: file).parts(key, nested: nested)
    }
    return parts
  }

  fileprivate func normalizerSteps() throws(ConfigurationError) -> [FastNormalizer.Step] {
    var steps: [FastNormalizer.Step] = []
    for part in try parts("normalizer", nested: "normalizers") { steps += try part.steps }
    let growth = steps.reduce(1.0) { $0 * $1.growth }
    guard growth <= Limits.normalizedGrowth else {
      throw impossible(
        "normalizer", "steps that can make a text \(growth) times as long",
        "steps that make it \(Limits.normalizedGrowth) times as long at most")
    }
    return steps
  }

  /// The steps of a normalizer.
  fileprivate var steps: [FastNormalizer.Step] {
    get throws(ConfigurationError) {
      let type = try string("type") ?? ""
      switch type {
      case "Lowercase": return [.lowercase]
      case "Strip": return [.strip(left: try bool("strip_left") ?? true, right: try bool("strip_right") ?? true)]
      case "NFC", "NFD", "NFKC", "NFKD": return [.unicode(type)]
      case "Precompiled":
        let text = try string("precompiled_charsmap") ?? ""
        guard let blob = Data(base64Encoded: text), let map = Charsmap(Array(blob)[...]) else {
          throw impossible("precompiled_charsmap", "no table", "a table of SentencePiece in base 64")
        }
        return [.charsmap(map)]
      case "Replace":
        let content = Array((try string("content") ?? "").utf8)
        let pattern = try object("pattern")
        if let text = try pattern?.string("String"), !text.isEmpty {
          return [.replace(Array(text.utf8), by: content)]
        }
        let expression = try pattern?.string("Regex") ?? ""
        guard expression == " {2,}" else {
          throw impossible("normalizer.pattern", "the expression '\(expression)'", "' {2,}' or a text")
        }
        return [.joinSpaces(by: content)]
      default:
        throw impossible(
          "normalizer.type", "'\(type)'", "Lowercase, Strip, Precompiled, Replace, NFC, NFD, NFKC or NFKD")
      }
    }
  }

  /// Checks the template of special tokens: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`.
  fileprivate func checkTemplate() throws(ConfigurationError) {
    guard let processor = try object("post_processor") else {
      throw impossible("post_processor", "null", "a template that puts [CLS] and [SEP] around a text")
    }
    let type = try processor.string("type") ?? ""
    if type == "BertProcessing" { return }
    guard type == "TemplateProcessing" else {
      throw impossible("post_processor.type", "'\(type)'", "TemplateProcessing or BertProcessing")
    }
    func shape(_ key: String) throws(ConfigurationError) -> [String] {
      var shape: [String] = []
      for element in try processor.elements(key) {
        let item = try ConfigurationFields(element, file: file)
        let kind = item.members.keys.first ?? ""
        let inner = try item.object(kind)
        shape.append("\(try inner?.string("id") ?? "?"):\(try inner?.integer("type_id", in: 0...9) ?? 0)")
      }
      return shape
    }
    let (single, pair) = (try shape("single"), try shape("pair"))
    guard let cls = single.first, let sep = single.last, single == [cls, "A:0", sep],
      pair == [cls, "A:0", sep, "B:1", sep.dropLast() + "1"]
    else {
      throw impossible(
        "post_processor", "the template \((single + ["/"] + pair).joined(separator: " "))",
        "[CLS] A [SEP], and for a pair [CLS] A [SEP] B [SEP]")
    }
  }
}

/// Where the fast tokenizer splits a normalized text before segmentation.
struct FastCuts: Sendable {
  enum Prepending: Sendable { case always, first, never }

  /// Whether every punctuation character is separate.
  var splitsByPunctuation = false
  /// When to prepend U+2581 to a part of the text.
  var prepending = Prepending.always
  /// Whether each space begins a separate part.
  var splitsAtSpaces = true

  /// The settings of a tokenizer converted from `spm.model`.
  init(splitsByPunctuation: Bool) { self.splitsByPunctuation = splitsByPunctuation }

  fileprivate init(_ parts: [ConfigurationFields]) throws(ConfigurationError) {
    var hasSpaces = false
    for part in parts {
      let type = try part.string("type") ?? ""
      switch type {
      case "Punctuation" where !hasSpaces:
        let behavior = try part.string("behavior") ?? "Isolated"
        guard behavior == "Isolated" else {
          throw part.impossible("pre_tokenizer.behavior", "'\(behavior)'", "'Isolated'")
        }
        splitsByPunctuation = true
      case "Metaspace" where !hasSpaces:
        hasSpaces = true
        let mark = try part.string("replacement") ?? "\u{2581}"
        guard mark == "\u{2581}" else { throw part.impossible("pre_tokenizer.replacement", "'\(mark)'", "'\u{2581}'") }
        let addsSpace = try part.bool("add_prefix_space") ?? true
        let scheme = try part.string("prepend_scheme") ?? (addsSpace ? "always" : "never")
        let known: [String: Prepending] = ["always": .always, "first": .first, "never": .never]
        guard let own = known[scheme] else {
          throw part.impossible("pre_tokenizer.prepend_scheme", "'\(scheme)'", "'always', 'first' or 'never'")
        }
        prepending = own
        splitsAtSpaces = try part.bool("split") ?? true
      default: throw part.impossible("pre_tokenizer.type", "'\(type)'", "Punctuation, then Metaspace")
      }
    }
    guard hasSpaces else {
      throw .missing(key: "pre_tokenizer", file: parts.first?.file ?? "tokenizer.json")
    }
  }
}
