/// The pieces of a byte-level tokenizer by id.
struct ByteLevelPieces: PieceTable {
  let count: Int
  private let texts: [String?]
  private let trie: ByteTrie

  /// - Parameter pieces: each in the letters of ``ByteAlphabet``, with a unique id.
  init(_ pieces: [(text: String, id: Int32)]) {
    var texts = [String?](repeating: nil, count: Int(pieces.map(\.id).max() ?? -1) + 1)
    var trie = ByteTrie()
    for (text, id) in pieces {
      texts[Int(id)] = text
      trie.insert(text.utf8, value: id)
    }
    count = pieces.count
    self.texts = texts
    self.trie = trie
  }

  var idBound: Int { texts.count }

  func id(of piece: [UInt8]) -> Int32? { trie.value(of: piece) }

  func text(of id: Int32) -> String? { texts.indices.contains(Int(id)) ? texts[Int(id)] : nil }

  /// Decodes the concatenated bytes of the pieces; invalid UTF-8 becomes U+FFFD.
  func decode(_ ids: [Int32]) -> String {
    String(decoding: ids.flatMap { ByteAlphabet.bytes(of: text(of: $0) ?? "") }, as: UTF8.self)
  }
}
