/// The contents of an `spm.model`, parsed from the protocol buffer (sentencepiece_model.proto: `ModelProto`).
struct SentencePieceProto {
  /// `SentencePiece.Type`: not an enum, because the set is open on disk.
  struct Kind: Equatable {
    var rawValue: UInt64
    static let normal = Kind(rawValue: 1)
    static let unknown = Kind(rawValue: 2)
    static let control = Kind(rawValue: 3)
    static let userDefined = Kind(rawValue: 4)
    static let unused = Kind(rawValue: 5)
    static let byte = Kind(rawValue: 6)
  }

  struct Piece {
    var text: ArraySlice<UInt8> = []
    var score: Float = 0
    var kind = Kind.normal
  }

  private(set) var pieces: [Piece] = []
  private(set) var normalization = SentencePieceNormalization()
  /// Nil: decoded text is unchanged.
  private(set) var denormalization: SentencePieceNormalization?
  private(set) var unknownID: Int32 = 0
  /// The unknown piece in decoded text.
  private(set) var unknownSurface = Array(" \u{2047} ".utf8)
  private(set) var hasByteFallback = false
  /// 1 unigram, 2 BPE, 3 word, 4 char.
  private(set) var modelType: UInt64 = 1
  var isUnigram: Bool { modelType == 1 }

  /// Parses the model and checks it like sentencepiece, including what sentencepiece does not check: a corrupt charsmap
  /// or score would cause out-of-bounds access or invalid results.
  ///
  /// - Throws: ``TokenizerError/damagedModel(path:byteCount:reason:)``,
  ///   ``TokenizerError/unsupportedModel(path:kind:)``.
  init(_ bytes: [UInt8], path: String) throws(TokenizerError) {
    do {
      try readModel(bytes[...])
    } catch {
      throw .damagedModel(path: path, byteCount: bytes.count, reason: error.reason)
    }
    if let fault = faultOfPieces() { throw .damagedModel(path: path, byteCount: bytes.count, reason: fault) }
    guard modelType == 1 || modelType == 2 else {
      let kinds: [UInt64: String] = [3: "word", 4: "character"]
      throw .unsupportedModel(path: path, kind: kinds[modelType] ?? "type-\(modelType)")
    }
  }

  /// The error in the pieces; nil: none (`ModelInterface::InitializePieces`, src/model_interface.cc).
  private mutating func faultOfPieces() -> String? {
    guard !pieces.isEmpty else { return "it has no pieces" }
    var texts: [Bool: Set<ArraySlice<UInt8>>] = [:]
    var unknown: Int32?
    for (id, piece) in pieces.enumerated() {
      guard !piece.text.isEmpty else { return "piece \(id) is empty" }
      guard piece.score.isFinite else { return "a piece has a score that is not a number" }
      let isReserved = [.unknown, .control, .byte].contains(piece.kind)
      guard texts[isReserved, default: []].insert(piece.text).inserted else {
        return "the piece '\(String(decoding: piece.text, as: UTF8.self))' occurs twice"
      }
      if piece.kind == .unknown {
        guard unknown == nil else { return "it has two unknown pieces" }
        unknown = Int32(id)
      }
    }
    guard let unknown else { return "it has no unknown piece" }
    unknownID = unknown
    let hasBytes = pieces.contains { $0.kind == .byte }
    if hasByteFallback != hasBytes || (hasBytes && byteIDs.isEmpty) {
      return "byte fallback needs a piece for each of the 256 bytes"
    }
    return nil
  }

  private mutating func readModel(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Fault) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)): pieces.append(try Self.piece(bytes))
      case (2, .bytes(let bytes)): try readTrainer(bytes)
      case (3, .bytes(let bytes)): try Self.read(bytes, into: &normalization)
      case (5, .bytes(let bytes)):
        var settings = SentencePieceNormalization()
        try Self.read(bytes, into: &settings)
        denormalization = settings.charsmap.isEmpty ? nil : settings
      default: break
      }
    }
  }

  private static func piece(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Fault) -> Piece {
    var piece = Piece()
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let text)): piece.text = text
      case (2, .fixed32(let bits)): piece.score = Float(bitPattern: bits)
      case (3, .varint(let kind)): piece.kind = Kind(rawValue: kind)
      default: break
      }
    }
    return piece
  }

  private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Fault) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (3, .varint(let type)): modelType = type
      case (24, .varint(let flag)): normalization.addsSpaceAtEnd = flag != 0
      case (35, .varint(let flag)): hasByteFallback = flag != 0
      case (44, .bytes(let text)): unknownSurface = Array(text)
      default: break
      }
    }
  }

  private static func read(
    _ bytes: ArraySlice<UInt8>, into settings: inout SentencePieceNormalization
  ) throws(WireFormat.Fault) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (2, .bytes(let bytes)):
        guard let map = Charsmap(bytes) else { throw WireFormat.Fault("the normalization table is broken") }
        settings.charsmap = map
      case (3, .varint(let flag)): settings.addsLeadingSpace = flag != 0
      case (4, .varint(let flag)): settings.removesExtraSpaces = flag != 0
      case (5, .varint(let flag)): settings.escapesSpaces = flag != 0
      default: break
      }
    }
  }

  /// The user-defined pieces, which are neither normalized nor split.
  var keptPieces: ByteTrie {
    var trie = ByteTrie()
    for (id, piece) in pieces.enumerated() where piece.kind == .userDefined {
      trie.insert(piece.text, value: Int32(id))
    }
    return trie
  }
}

extension SentencePieceProto {
  /// The ids of `<0x00>` to `<0xFF>`; empty if one is missing.
  var byteIDs: [Int32] {
    var ids = [Int32](repeating: -1, count: 256)
    for (id, piece) in pieces.enumerated() where piece.kind == .byte {
      let digits = piece.text.dropFirst(3).prefix(2)  // <0xE4>
      if let byte = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) { ids[Int(byte)] = Int32(id) }
    }
    return ids.contains(-1) ? [] : ids
  }
}

extension UnigramSearch<Float> {
  /// The pieces and scores that sentencepiece 0.2.3 uses for segmentation (`Model::Model` and
  /// `ModelInterface::InitializePieces`).
  init(_ model: SentencePieceModel) {
    var scores = model.pieces.map(\.score)
    for (id, piece) in model.pieces.enumerated() where piece.kind == .userDefined {
      scores[id] = Float(0.1 * Double(piece.text.count - 1))
    }
    let lowest = model.pieces.lazy.filter { $0.kind == .normal }.map(\.score).min() ?? 0
    self.init(
      trie: model.trie, scores: scores, unknownID: model.unknownID, unknownScore: lowest - 10, resetThreshold: 100_000)
  }
}

extension UnigramSearch<Double> {
  /// The pieces and scores that the fast tokenizer uses: all of them, including special and byte pieces
  /// (`SpmConverter.vocab`, transformers/convert_slow_tokenizer.py; `Unigram::from`).
  init(fast proto: SentencePieceProto) {
    var trie = ByteTrie()
    for (id, piece) in proto.pieces.enumerated() { trie.insert(piece.text, value: Int32(id)) }
    let scores = proto.pieces.map { Double($0.score) }
    self.init(trie: trie, scores: scores, unknownID: proto.unknownID, unknownScore: (scores.min() ?? 0) - 10)
  }
}
