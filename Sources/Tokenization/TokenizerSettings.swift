internal import Checkpoints

/// The settings in the JSON files of a tokenizer's folder.
///
/// By the reference's rules (`_from_pretrained`, transformers/tokenization_utils_base.py), a `tokenizer_config.json`
/// with an `added_tokens_decoder` is complete; without one (older files), `special_tokens_map.json` overrides its
/// special tokens, and `added_tokens.json` and the `added_tokens` of `tokenizer.json` define the added ones. Without
/// any file the defaults apply.
struct TokenizerSettings: Sendable {
  enum Side: String, Sendable { case left, right }

  /// The special tokens in the reference's order; nil if set to null.
  struct Specials: Sendable {
    let family: TokenizerFamily
    var bos: TokenEntry? = "[CLS]"
    var eos: TokenEntry? = "[SEP]"
    var unk: TokenEntry?
    var sep: TokenEntry? = "[SEP]"
    var pad: TokenEntry? = "[PAD]"
    var cls: TokenEntry? = "[CLS]"
    var mask: TokenEntry?
    var additional: [TokenEntry] = []

    init(_ family: TokenizerFamily) {
      self.family = family
      unk = family.unknown("[UNK]")
      mask = family.mask("[MASK]")
    }

    var all: [TokenEntry] { [bos, eos, unk, sep, pad, cls, mask].compactMap(\.self) + additional }
  }

  var specials: Specials
  var added: [(id: Int32, entry: TokenEntry)] = []
  var lowercases = false
  var splitsByPunctuation = false
  /// Whether special tokens in a text are treated as ordinary text.
  var splitsSpecialTokens = false
  /// Whether to prepend a space to a text that does not begin with white space.
  var addsPrefixSpace = false
  var truncationSide = Side.right
  var maximumLength: Int?

  init(_ family: TokenizerFamily) { specials = Specials(family) }

  /// - Parameters:
  ///   - family: the family whose defaults apply.
  ///   - folder: the folder with the files.
  ///   - serialized: the added tokens of a `tokenizer.json` that is used as the tokenizer; nil if it is not, and then
  ///     its added tokens are read only if `tokenizer_config.json` has none.
  /// - Throws: ``TokenizerError/unreadableFile(path:reason:)`` and
  ///   ``TokenizerError/malformedSettings(path:reason:)``.
  init(
    _ family: TokenizerFamily, folder: String, serialized: [(id: Int32, entry: TokenEntry)]? = nil
  ) throws(TokenizerError) {
    self.init(family)
    let config = try TokenizerFile("tokenizer_config.json", in: folder).object(TokenizerConfig.init)
    if let config {
      specials.override(with: config.specials)
      lowercases = config.lowercases
      splitsByPunctuation = config.splitsByPunctuation
      splitsSpecialTokens = config.splitsSpecialTokens
      addsPrefixSpace = config.addsPrefixSpace
      maximumLength = config.maximumLength
      truncationSide = config.truncationSide.flatMap(Side.init(rawValue:)) ?? .right
    }
    if let tokens = config?.added {
      added = tokens
    } else {
      try readOlderFiles(folder)
    }
    let known = Set(added.map(\.id))
    var listed = serialized
    if listed == nil, config?.added == nil {
      listed = try TokenizerFile("tokenizer.json", in: folder).object(SerializedTokenizer.addedTokens)
    }
    added += (listed ?? []).filter { !known.contains($0.id) }
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

  /// A special token that is also an added token takes its flags.
  private mutating func adoptEntries() {
    for (_, entry) in added { specials.adopt(entry) }
  }
}

extension TokenizerFamily {
  /// `[UNK]` given as a string: DeBERTa-v2 and v3 match it in the normalized text (`DebertaV2Tokenizer.__init__`).
  fileprivate func unknown(_ content: String) -> TokenEntry {
    TokenEntry(content: content, normalized: self == .sentencePiece, special: true)
  }

  /// `[MASK]` given as a string: in v1 it absorbs white space before it (`DebertaTokenizer.__init__`).
  fileprivate func mask(_ content: String) -> TokenEntry {
    var entry = TokenEntry(content: content, normalized: self == .byteLevel, special: true)
    entry.lstrip = self == .byteLevel
    return entry
  }
}

extension TokenizerSettings.Specials {
  mutating func override(with other: SpecialTokens) {
    if let token = other.bos { bos = token }
    if let token = other.eos { eos = token }
    if let token = other.unk { unk = token.map { $0.isPlain ? family.unknown($0.content) : $0 } }
    if let token = other.sep { sep = token }
    if let token = other.pad { pad = token }
    if let token = other.cls { cls = token }
    if let token = other.mask { mask = token.map { $0.isPlain ? family.mask($0.content) : $0 } }
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
