import Checkpoints
import Foundation
import Testing

@testable import Tokenization

/// `tokenizer.json` without `spm.model`, as the fast tokenizer saves it.
@Suite struct SerializedTokenizerTests {
  /// What `save_pretrained` of the shipped model's fast tokenizer writes.
  static func json(change: (inout [String: JSONValue]) -> Void = { _ in }) throws -> Data {
    let bytes = Array(try Fixtures.sentencePiece())
    let proto = try SentencePieceProto(bytes, path: "spm.model")
    func text(_ text: String) -> JSONValue { .string(text) }
    func object(_ members: [String: JSONValue]) -> JSONValue { .object(members) }
    let added = [("[PAD]", 0), ("[CLS]", 1), ("[SEP]", 2), ("[UNK]", 3), ("[MASK]", proto.pieces.count)].map {
      object([
        "id": .integer($1), "content": text($0), "single_word": .bool(false), "lstrip": .bool(false),
        "rstrip": .bool(false), "normalized": .bool($0 == "[UNK]"), "special": .bool(true),
      ])
    }
    let normalizers = [
      object(["type": text("Strip"), "strip_left": .bool(true), "strip_right": .bool(true)]),
      object(["type": text("Precompiled"), "precompiled_charsmap": text(try charsmap(bytes).base64EncodedString())]),
      object(["type": text("Replace"), "pattern": object(["Regex": text(" {2,}")]), "content": text(" ")]),
    ]
    func special(_ token: String, _ type: Int) -> JSONValue {
      object(["SpecialToken": object(["id": text(token), "type_id": .integer(type)])])
    }
    func sequence(_ name: String, _ type: Int) -> JSONValue {
      object(["Sequence": object(["id": text(name), "type_id": .integer(type)])])
    }
    let single = [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)]
    let pieces = proto.pieces.map { piece -> JSONValue in
      .array([text(String(decoding: piece.text, as: UTF8.self)), .number(Double(piece.score))])
    }
    var members: [String: JSONValue] = [
      "version": text("1.0"), "added_tokens": .array(added),
      "normalizer": object(["type": text("Sequence"), "normalizers": .array(normalizers)]),
      "pre_tokenizer": object([
        "type": text("Sequence"),
        "pretokenizers": .array([
          object([
            "type": text("Metaspace"), "replacement": text("\u{2581}"), "prepend_scheme": text("always"),
            "split": .bool(true),
          ])
        ]),
      ]),
      "post_processor": object([
        "type": text("TemplateProcessing"), "single": .array(single),
        "pair": .array(single + [sequence("B", 1), special("[SEP]", 1)]),
      ]),
      "model": object([
        "type": text("Unigram"), "unk_id": .integer(3), "vocab": .array(pieces), "byte_fallback": .bool(false),
      ]),
    ]
    change(&members)
    return Data(JSONValue.object(members).line.utf8)
  }

  /// The normalisation table of a model: field 2 of field 3.
  private static func charsmap(_ bytes: [UInt8]) throws -> Data {
    var fields = WireFormat(bytes[...])
    while let field = try fields.next() {
      guard case (3, .bytes(let normalizer)) = (field.number, field.value) else { continue }
      var inner = WireFormat(normalizer)
      while let field = try inner.next() {
        if case (2, .bytes(let map)) = (field.number, field.value) { return Data(map) }
      }
    }
    return Data()
  }

  private static let whole = Result { try json() }

  private func tokenizer(_ files: [String: Data]) throws -> DebertaV2Tokenizer {
    try Fixtures.withFolder(files) { try DebertaV2Tokenizer(folder: $0) }
  }

  @Test func `The ids and offsets are those of the fast tokenizer`() throws {
    let config = try Data(contentsOf: Fixtures.model.appending(path: "tokenizer_config.json"))
    let fast = try Fixtures.fast.get()
    for files in [
      ["tokenizer.json": try Self.whole.get()],
      ["tokenizer.json": try Self.whole.get(), "tokenizer_config.json": config],
    ] {
      let own = try tokenizer(files)
      #expect(own.variant == .fast && own.vocabularySize == fast.vocabularySize && own.maskID == fast.maskID)
      for line in try ReferenceTests.lines("plain") {
        let encoding = try own.encode(line.text, pair: line.pair, maximumLength: line.maximumLength)
        #expect(encoding.ids == line.fast, "\(line.text.debugDescription)")
        #expect(
          encoding.offsets == (try fast.encode(line.text, pair: line.pair, maximumLength: line.maximumLength)).offsets)
      }
    }
  }

  /// Numbers of the shipped model: `▁the` is 261, a character without a piece is unknown, unless its bytes stand for it.
  @Test func `Unknown characters become bytes where the model says so`() throws {
    let plain = try tokenizer(["tokenizer.json": Self.whole.get()])
    let bytes = try tokenizer([
      "tokenizer.json": Self.json { members in
        guard case .object(var model)? = members["model"] else { return }
        model["byte_fallback"] = .bool(true)
        members["model"] = .object(model)
      }
    ])
    let text = "the \u{1F9FF}"
    #expect(try plain.encode(text).ids.contains(plain.unkID))
    let ids = try bytes.encode(text).ids
    #expect(!ids.contains(bytes.unkID))
    #expect(ids.compactMap { bytes.piece(of: $0) }.suffix(5).prefix(4) == ["<0xF0>", "<0x9F>", "<0xA7>", "<0xBF>"])
  }

  @Test func `Line breaks, forms and lower case are normalised as the steps say`() throws {
    func steps(_ json: String) throws -> DebertaV2Tokenizer {
      try tokenizer([
        "tokenizer.json": Self.json { members in
          members["normalizer"] = try? JSONValue(Data(json.utf8), file: "steps")
        }
      ])
    }
    let plain = try steps("null")
    func ids(_ text: String) throws -> [Int32] { try plain.encode(text).ids }
    let breaks = try steps(#"{"type": "Replace", "pattern": {"String": "\n"}, "content": " "}"#)
    #expect(try breaks.encode("a\nb").ids == ids("a b"))
    #expect(try ids("a\nb") != ids("a b"))
    #expect(try steps(#"{"type": "Lowercase"}"#).encode("The CAT").ids == ids("the cat"))
    #expect(try steps(#"{"type": "NFC"}"#).encode("cafe\u{301}").ids == ids("caf\u{E9}"))
    #expect(
      try steps(#"{"type": "Strip", "strip_left": false, "strip_right": true}"#).encode("the  ").ids == ids("the"))
  }

  @Test(arguments: [
    ("model", #"{"type": "WordPiece", "vocab": {}}"#, "model.type"),
    ("model", #"{"type": "Unigram", "vocab": [["a", 0.0]]}"#, "model.unk_id"),
    ("model", #"{"type": "Unigram", "unk_id": 0, "vocab": [["a"]]}"#, "model.vocab"),
    ("normalizer", #"{"type": "BertNormalizer"}"#, "BertNormalizer"),
    ("normalizer", #"{"type": "Replace", "pattern": {"Regex": "[0-9]"}, "content": ""}"#, "[0-9]"),
    ("pre_tokenizer", #"{"type": "ByteLevel"}"#, "ByteLevel"), ("pre_tokenizer", "null", "pre_tokenizer"),
    ("post_processor", "null", "post_processor"),
    ("post_processor", #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}]}"#, "A:0"),
  ])
  func `A step that is not known is refused by its name`(_ key: String, _ json: String, _ named: String) throws {
    let data = try Self.json { members in members[key] = try? JSONValue(Data(json.utf8), file: key) }
    let error = #expect(throws: TokenizerError.self) { try tokenizer(["tokenizer.json": data]) }
    guard case .malformedSettings(_, let reason)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains(named), "\(reason)")
  }

  @Test func `Numbers that are not finite harm nobody in keys that nobody reads`() throws {
    let settings = Data(#"{"model_max_length": Infinity, "x": [NaN]}"#.utf8)
    let own = try tokenizer(["spm.model": try Fixtures.sentencePiece(), "tokenizer_config.json": settings])
    #expect(try own.encode("the").ids == Fixtures.slow.get().encode("the").ids)
  }
}
