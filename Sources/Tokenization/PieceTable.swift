/// The pieces of a tokenizer by id, without added tokens.
protocol PieceTable: Sendable {
  var count: Int { get }
  /// One more than the greatest id.
  var idBound: Int { get }
  /// The id of this piece; nil if there is none.
  func id(of piece: [UInt8]) -> Int32?
  /// The piece with this id; nil if there is none.
  func text(of id: Int32) -> String?
  /// Decodes ids, all of pieces.
  func decode(_ ids: [Int32]) -> String
}

extension SentencePieceModel: PieceTable {
  var idBound: Int { count }

  func text(of id: Int32) -> String? {
    pieces.indices.contains(Int(id)) ? String(decoding: piece(id), as: UTF8.self) : nil
  }
}

/// The pieces of a unigram model with their scores, as in `tokenizer.json`.
struct UnigramPieces: PieceTable {
  let pieces: [(text: [UInt8], score: Double)]
  let unknownID: Int32
  /// By byte, if unknown characters become byte pieces; else empty.
  let byteIDs: [Int32]
  private let trie: ByteTrie

  /// - Parameter fallsBackToBytes: the setting `byte_fallback`; without a piece for every byte it has no effect.
  init(_ pieces: [(text: [UInt8], score: Double)], unknownID: Int32, fallsBackToBytes: Bool) {
    self.pieces = pieces
    self.unknownID = unknownID
    var trie = ByteTrie()
    for (id, piece) in pieces.enumerated() { trie.insert(piece.text, value: Int32(id)) }
    self.trie = trie
    let ids = (0..<256).compactMap { byte -> Int32? in
      let digits = String(byte, radix: 16, uppercase: true)
      return trie.value(of: "<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
    }
    byteIDs = fallsBackToBytes && ids.count == 256 ? ids : []
  }

  var count: Int { pieces.count }
  var idBound: Int { count }

  func id(of piece: [UInt8]) -> Int32? { trie.value(of: piece) }

  func text(of id: Int32) -> String? {
    pieces.indices.contains(Int(id)) ? String(decoding: pieces[Int(id)].text, as: UTF8.self) : nil
  }

  /// The joined pieces, with U+2581 replaced by spaces, except for the first one.
  func decode(_ ids: [Int32]) -> String {
    var bytes: [UInt8] = []
    for id in ids {
      if let byte = byteIDs.firstIndex(of: id) { bytes.append(UInt8(byte)) } else { bytes += pieces[Int(id)].text }
    }
    let text = String(decoding: bytes, as: UTF8.self).replacing("\u{2581}", with: " ")
    return text.hasPrefix(" ") ? String(text.dropFirst()) : text
  }

  /// The search of the fast tokenizer.
  var search: UnigramSearch<Double> {
    let scores = pieces.map(\.score)
    return UnigramSearch(trie: trie, scores: scores, unknownID: unknownID, unknownScore: (scores.min() ?? 0) - 10)
  }
}
