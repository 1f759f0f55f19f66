internal import Checkpoints

/// Pieces and merges, as loaded from a folder.
struct ByteLevelModel {
  typealias Merge = (left: [UInt8], right: [UInt8])

  let pieces: ByteLevelPieces
  /// In order of application.
  let merges: [Merge]

  /// The maximum number of pieces, and one more than the maximum id.
  private static let idLimit = 1 << 22

  private init(_ ids: [String: JSONValue], _ merges: [Merge], file: String) throws(ConfigurationError) {
    var owners: [Int32: String] = [:]
    var pieces: [(text: String, id: Int32)] = []
    for (text, value) in ids {
      guard let id = value.wholeNumber, (0..<Self.idLimit).contains(id) else {
        throw .wrongType(key: text, expected: "an id from 0 to \(Self.idLimit - 1)", found: value.kind, file: file)
      }
      if let other = owners.updateValue(text, forKey: Int32(id)) {
        let names = [other, text].sorted()
        throw .impossible(
          key: names[1], value: "\(id), as '\(names[0])' is", expected: "an id that no other piece has", file: file)
      }
      pieces.append((text, Int32(id)))
    }
    guard !pieces.isEmpty else {
      throw .impossible(key: "vocab", value: "empty", expected: "pieces with ids", file: file)
    }
    self.pieces = ByteLevelPieces(pieces)
    self.merges = merges
  }
}

// MARK: - vocab.json and merges.txt

extension ByteLevelModel {
  /// The model of `vocab.json` and `merges.txt`; nil if the folder has neither.
  ///
  /// - Throws: ``TokenizerError/missingFile(path:)`` if only one of them exists; the errors of reading them.
  init?(vocabularyIn folder: String) throws(TokenizerError) {
    let vocabulary = TokenizerFile("vocab.json", in: folder)
    let list = TokenizerFile("merges.txt", in: folder)
    guard vocabulary.exists || list.exists else { return nil }
    guard let bytes = try list.bytes() else { throw .missingFile(path: list.path) }
    let merges = try Self.merges(bytes, path: list.path)
    let model = try vocabulary.object { fields throws(ConfigurationError) in
      try ByteLevelModel(fields.members, merges, file: fields.file)
    }
    guard let model else { throw .missingFile(path: vocabulary.path) }
    self = model
  }

  /// One merge per line, its halves separated by a space. The first line is the format version, which is ignored.
  private static func merges(_ bytes: [UInt8], path: String) throws(TokenizerError) -> [Merge] {
    var merges: [Merge] = []
    for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let parts = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\t") }
      if number == 0 || parts.isEmpty { continue }
      guard parts.count == 2 else {
        throw .damagedFile(
          path: path, reason: "line \(number + 1) has \(parts.count) parts; a merge is two pieces parted by a space")
      }
      merges.append((Array(parts[0]), Array(parts[1])))
    }
    return merges
  }
}

// MARK: - tokenizer.json

extension ByteLevelModel {
  /// The member `model` of `tokenizer.json`, with type BPE.
  ///
  /// - Throws: `ConfigurationError` for an unsupported setting that would change ids, by its name.
  init(serialized model: ConfigurationFields) throws(ConfigurationError) {
    guard let vocabulary = try model.object("vocab") else { throw .missing(key: "model.vocab", file: model.file) }
    if let dropout = try model.number("dropout"), dropout != 0 {
      throw model.impossible("model.dropout", "\(dropout)", "null: ids would be different from call to call")
    }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = try model.string(key), !text.isEmpty {
        throw model.impossible("model.\(key)", "'\(text)'", "none, as DeBERTa's tokenizers have it")
      }
    }
    for key in ["byte_fallback", "ignore_merges"] where try model.bool(key) ?? false {
      throw model.impossible("model.\(key)", "true", "false, as DeBERTa's tokenizers have it")
    }
    var merges: [Merge] = []
    for element in try model.elements("merges") {
      guard let merge = Self.merge(element) else {
        throw model.impossible("model.merges", "a list with \(element.kind)", "pairs of pieces")
      }
      merges.append(merge)
    }
    try self.init(vocabulary.members, merges, file: model.file)
  }

  /// A merge as `["a", "b"]` or, in older versions, `"a b"`.
  private static func merge(_ value: JSONValue) -> Merge? {
    switch value {
    case .string(let text):
      let parts = text.utf8.split(separator: UInt8(ascii: " "))
      return parts.count == 2 ? (Array(parts[0]), Array(parts[1])) : nil
    case .array(let parts):
      guard parts.count == 2, case .string(let left) = parts[0], case .string(let right) = parts[1] else { return nil }
      return (Array(left.utf8), Array(right.utf8))
    default: return nil
    }
  }
}

// MARK: - bpe_encoder.bin

extension ByteLevelModel {
  /// The model of Microsoft's `bpe_encoder.bin`; nil if there is no such file.
  ///
  /// `encoder` numbers the pieces, `dict_map` lists these numbers in id order, after those of the special tokens, and
  /// `vocab` lists the merges.
  ///
  /// Source: `GPT2Tokenizer` (DeBERTa/deberta/gpt2_tokenizer.py).
  init?(encoderIn folder: String) throws(TokenizerError) {
    let file = TokenizerFile("bpe_encoder.bin", in: folder)
    guard file.exists else { return nil }
    let data: TorchData
    do { data = try TorchData(path: file.path) } catch {
      throw .damagedFile(path: file.path, reason: file.reason(error))
    }
    func damaged(_ reason: String) -> TokenizerError { .damagedFile(path: file.path, reason: reason) }
    guard let encoder = data["encoder"]?.members, let order = data["dict_map"]?.elements,
      let list = data["vocab"]?.elements
    else { throw damaged("it must be a dict with 'encoder', 'dict_map' and 'vocab'") }

    var pieces: [String: String] = [:]
    for (piece, number) in encoder {
      guard let number = number.integer else { throw damaged("'encoder' must give each piece a number") }
      pieces["\(number)"] = piece
    }
    var ids: [String: JSONValue] = [:]
    func add(_ piece: String) { if ids[piece] == nil { ids[piece] = .integer(ids.count) } }
    for special in ["[PAD]", "[CLS]", "[SEP]", "[UNK]"] { add(special) }
    for entry in order {
      guard let name = entry.elements?.first?.text else {
        throw damaged("'dict_map' must list names with their counts")
      }
      add(pieces[name] ?? name)
    }
    add("[MASK]")

    var merges: [Merge] = []
    for merge in list {
      guard let parts = merge.elements, parts.count == 2, let left = parts[0].text, let right = parts[1].text else {
        throw damaged("'vocab' must list merges as pairs of pieces")
      }
      merges.append((Array(left.utf8), Array(right.utf8)))
    }
    do { try self.init(ids, merges, file: file.path) } catch { throw damaged(file.reason(error)) }
  }
}
