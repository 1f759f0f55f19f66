/// Ids, pieces and special tokens of the model and the added tokens together.
struct Vocabulary: Sendable {
  let model: any PieceTable
  /// By id.
  let added: [AddedToken]
  /// The number of distinct tokens, like Python's `len(tokenizer)`.
  let size: Int
  let cls, sep, pad, unk: AddedToken
  let mask: AddedToken?
  /// The special tokens in the reference's order, without added tokens that are only marked special.
  let specials: [AddedToken]

  /// Pieces with a different id as added tokens, which the reference looks up first.
  let renumbered: [Int32: Int32]

  private let pieces: [String?]
  private let addedByID: [Int32: AddedToken]
  private let addedIDs: [[UInt8]: Int32]

  /// Assigns every special token an id: that of its added token, of its piece, or the next free one
  /// (`PreTrainedTokenizer._add_tokens`, transformers/tokenization_utils.py).
  ///
  /// - Throws: ``TokenizerError/malformedSettings(path:reason:)`` if `[CLS]`, `[SEP]`, `[PAD]` or `[UNK]` was set to
  ///   null.
  init(_ model: any PieceTable, _ settings: TokenizerSettings, folder: String) throws(TokenizerError) {
    var added = settings.added.map { $0.entry.token(id: $0.id) }
    var byContent: [[UInt8]: Int] = [:]
    for (index, token) in added.enumerated() { byContent[Array(token.content.utf8)] = index }
    var size = model.count + byContent.keys.count { model.id(of: $0) == nil }

    var specials: [AddedToken] = []
    var isSpecial: Set<[UInt8]> = []
    for entry in settings.specials.all where !entry.content.isEmpty {
      let content = Array(entry.content.utf8)
      guard isSpecial.insert(content).inserted else { continue }
      if let index = byContent[content] {
        specials.append(added[index])
        continue
      }
      let piece = model.id(of: content)
      let token = entry.token(id: piece ?? Int32(size))
      if piece == nil { size += 1 }
      byContent[content] = added.count
      added.append(token)
      specials.append(token)
    }

    func named(_ entry: TokenEntry?, _ key: String) throws(TokenizerError) -> AddedToken {
      guard let entry, let index = byContent[Array(entry.content.utf8)] else {
        throw .malformedSettings(
          path: TokenizerFile("tokenizer_config.json", in: folder).path, reason: "\(key) is null or empty")
      }
      return added[index]
    }
    cls = try named(settings.specials.cls, "cls_token")
    sep = try named(settings.specials.sep, "sep_token")
    pad = try named(settings.specials.pad, "pad_token")
    unk = try named(settings.specials.unk, "unk_token")
    mask = settings.specials.mask.flatMap { byContent[Array($0.content.utf8)] }.map { added[$0] }

    self.model = model
    self.added = added.sorted { $0.id < $1.id }
    self.specials = specials
    self.size = size
    addedIDs = byContent.mapValues { added[$0].id }
    addedByID = Dictionary(added.map { ($0.id, $0) }) { _, last in last }
    renumbered = Dictionary(
      added.compactMap { token in
        model.id(of: Array(token.content.utf8)).flatMap { $0 == token.id ? nil : ($0, token.id) }
      }
    ) { _, last in last }
    var pieces = (0..<Int32(model.idBound)).map { model.text(of: $0) }
    for token in added where pieces.indices.contains(Int(token.id)) { pieces[Int(token.id)] = token.content }
    self.pieces = pieces
  }

  func id(of piece: String) -> Int32? {
    let bytes = Array(piece.utf8)
    return addedIDs[bytes] ?? model.id(of: bytes)
  }

  func piece(of id: Int32) -> String? {
    if pieces.indices.contains(Int(id)), let piece = pieces[Int(id)] { return piece }
    return addedByID[id]?.content
  }

  func added(of id: Int32) -> AddedToken? { addedByID[id] }
}
