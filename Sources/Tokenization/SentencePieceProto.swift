/// The parts of `spm.model` that the fast variant needs, read from the
/// protocol buffer (sentencepiece_model.proto: `ModelProto`).
struct SentencePieceProto {
  /// `SentencePiece.Type`: an open set on disk, so no enum.
  struct Kind: Equatable {
    var rawValue: UInt64
    static let normal = Kind(rawValue: 1)
    static let control = Kind(rawValue: 3)
    static let userDefined = Kind(rawValue: 4)
    static let byte = Kind(rawValue: 6)
  }

  struct Piece {
    var text: ArraySlice<UInt8> = []
    var score: Float = 0
    var kind = Kind.normal
  }

  private(set) var pieces: [Piece] = []
  private(set) var normalizer = Charsmap()
  private(set) var unknownID: Int32 = 0
  private(set) var hasByteFallback = false
  /// 1 unigram, 2 BPE, 3 word, 4 char.
  private(set) var modelType: UInt64 = 1
  private var charsmaps: (normalizer: ArraySlice<UInt8>, denormalizer: ArraySlice<UInt8>) = ([], [])

  var isUnigram: Bool { modelType == 1 }

  /// Reads the model and checks what libsentencepiece 0.1.97 takes on trust: a
  /// damaged charsmap or score would lead it outside of its memory, or nowhere.
  ///
  /// - Throws: ``TokenizerError/damagedModel(path:byteCount:reason:)``.
  init(_ bytes: [UInt8], path: String) throws(TokenizerError) {
    do {
      try readModel(bytes[...])
    } catch {
      throw .damagedModel(path: path, byteCount: bytes.count, reason: "the protocol buffer ends inside a field")
    }
    guard pieces.allSatisfy(\.score.isFinite) else {
      throw .damagedModel(path: path, byteCount: bytes.count, reason: "a piece has a score that is no number")
    }
    guard let map = Charsmap(charsmaps.normalizer), Charsmap(charsmaps.denormalizer) != nil else {
      throw .damagedModel(path: path, byteCount: bytes.count, reason: "the normalisation table is broken")
    }
    normalizer = map
  }

  private mutating func readModel(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Truncated) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (1, .bytes(let bytes)): pieces.append(try Self.piece(bytes))
      case (2, .bytes(let bytes)): try readTrainer(bytes)
      case (3, .bytes(let bytes)): try Self.readCharsmap(bytes, into: &charsmaps.normalizer)
      case (5, .bytes(let bytes)): try Self.readCharsmap(bytes, into: &charsmaps.denormalizer)
      default: break
      }
    }
  }

  private static func piece(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Truncated) -> Piece {
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

  private mutating func readTrainer(_ bytes: ArraySlice<UInt8>) throws(WireFormat.Truncated) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      switch (field.number, field.value) {
      case (3, .varint(let type)): modelType = type
      case (35, .varint(let flag)): hasByteFallback = flag != 0
      case (40, .varint(let id)): unknownID = Int32(truncatingIfNeeded: id)
      default: break
      }
    }
  }

  private static func readCharsmap(
    _ bytes: ArraySlice<UInt8>, into map: inout ArraySlice<UInt8>
  ) throws(WireFormat.Truncated) {
    var fields = WireFormat(bytes)
    while let field = try fields.next() {
      if case (2, .bytes(let bytes)) = (field.number, field.value) { map = bytes }
    }
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
  /// The pieces and scores with which sentencepiece 0.2.3 searches
  /// (`Model::Model` and `ModelInterface::InitializePieces`).
  init(sentencePiece proto: SentencePieceProto, unknownID: Int32) {
    var trie = ByteTrie()
    var scores = proto.pieces.map(\.score)
    for (id, piece) in proto.pieces.enumerated() where piece.kind == .normal || piece.kind == .userDefined {
      trie.insert(piece.text, value: Int32(id))
      if piece.kind == .userDefined { scores[id] = Float(0.1 * Double(piece.text.count - 1)) }
    }
    let lowest = proto.pieces.lazy.filter { $0.kind == .normal }.map(\.score).min() ?? 0
    self.init(
      trie: trie, scores: scores, unknownID: unknownID, unknownScore: lowest - 10, resetThreshold: 100_000)
  }
}

extension UnigramSearch<Double> {
  /// The pieces and scores with which the fast tokenizer searches: all of them, specials and bytes too
  /// (`SpmConverter.vocab`, transformers/convert_slow_tokenizer.py; `Unigram::from`).
  init(fast proto: SentencePieceProto) {
    var trie = ByteTrie()
    for (id, piece) in proto.pieces.enumerated() { trie.insert(piece.text, value: Int32(id)) }
    let scores = proto.pieces.map { Double($0.score) }
    self.init(trie: trie, scores: scores, unknownID: proto.unknownID, unknownScore: (scores.min() ?? 0) - 10)
  }
}
