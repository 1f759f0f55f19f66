internal import Checkpoints

/// What the JSON files beside `spm.model` say.
///
/// The reference's rules (`_from_pretrained`, transformers/tokenization_utils_base.py):
/// `tokenizer_config.json` with an `added_tokens_decoder` says everything; without
/// one (older files), `special_tokens_map.json` overrides its special tokens, and
/// `added_tokens.json` and the `added_tokens` of `tokenizer.json` name the added
/// ones. No file at all means the defaults.
struct TokenizerSettings: Sendable {
  enum Side: String, Sendable { case left, right }

  /// The special tokens in the reference's order; a nil one was set to null.
  struct Specials: Sendable {
    var bos: TokenEntry? = "[CLS]"
    var eos: TokenEntry? = "[SEP]"
    var unk: TokenEntry? = .unknown("[UNK]")
    var sep: TokenEntry? = "[SEP]"
    var pad: TokenEntry? = "[PAD]"
    var cls: TokenEntry? = "[CLS]"
    var mask: TokenEntry? = "[MASK]"
    var additional: [TokenEntry] = []

    var all: [TokenEntry] { [bos, eos, unk, sep, pad, cls, mask].compactMap(\.self) + additional }
  }

  var specials = Specials()
  var added: [(id: Int32, entry: TokenEntry)] = []
  var lowercases = false
  var splitsByPunctuation = false
  /// Special tokens in a text are text like any other.
  var splitsSpecialTokens = false
  var truncationSide = Side.right

  init() {}

  /// - Parameters:
  ///   - folder: where the files are.
  ///   - serialized: the added tokens of `tokenizer.json`; nil where nothing of that file counts.
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)`` and
  ///   ``TokenizerError/malformedSettings(path:reason:)``.
  init(folder: String, serialized: [(id: Int32, entry: TokenEntry)]? = nil) throws(TokenizerError) {
    let config = try TokenizerFile("tokenizer_config.json", in: folder).object(TokenizerConfig.init)
    if let config {
      specials.override(with: config.specials)
      lowercases = config.lowercases
      splitsByPunctuation = config.splitsByPunctuation
      splitsSpecialTokens = config.splitsSpecialTokens
      truncationSide = config.truncationSide.flatMap(Side.init(rawValue:)) ?? .right
    }
    if let tokens = config?.added {
      added = tokens
    } else {
      try readOlderFiles(folder)
    }
    let known = Set(added.map(\.id))
    added += (serialized ?? []).filter { !known.contains($0.id) }
    added.sort { $0.id < $1.id }
    adoptEntries()
  }

  private mutating func readOlderFiles(_ folder: String) throws(TokenizerError) {
    if let map = try TokenizerFile("special_tokens_map.json", in: folder).object(SpecialTokens.init) {
      specials.override(with: map)
    }
    let special = Set(specials.all.map { Array($0.content.utf8) })
    let tokens = try TokenizerFile("added_tokens.json", in: folder).object { fields throws(ConfigurationError) in
      var tokens: [(content: String, id: Int)] = []
      for content in fields.members.keys {
        if let id = try fields.integer(content, in: 0...Int(Int32.max)) { tokens.append((content, id)) }
      }
      return tokens
    }
    for (content, id) in tokens ?? [] {
      let isSpecial = special.contains(Array(content.utf8))
      added.append((Int32(id), TokenEntry(content: content, normalized: !isSpecial, special: isSpecial)))
    }
  }

  /// A special token that is an added one too has the added one's flags.
  private mutating func adoptEntries() {
    for (_, entry) in added { specials.adopt(entry) }
  }
}

extension TokenizerSettings.Specials {
  mutating func override(with other: SpecialTokens) {
    if let token = other.bos { bos = token }
    if let token = other.eos { eos = token }
    if let token = other.unk { unk = token.map { $0.isPlain ? .unknown($0.content) : $0 } }
    if let token = other.sep { sep = token }
    if let token = other.pad { pad = token }
    if let token = other.cls { cls = token }
    if let token = other.mask { mask = token }
    if let tokens = other.additional { additional = tokens }
  }

  mutating func adopt(_ entry: TokenEntry) {
    func adopted(_ token: TokenEntry?) -> TokenEntry? {
      token.map { $0.content.utf8.elementsEqual(entry.content.utf8) ? entry : $0 }
    }
    (bos, eos, unk) = (adopted(bos), adopted(eos), adopted(unk))
    (sep, pad, cls, mask) = (adopted(sep), adopted(pad), adopted(cls), adopted(mask))
    additional = additional.map { adopted($0) ?? $0 }
  }
}
