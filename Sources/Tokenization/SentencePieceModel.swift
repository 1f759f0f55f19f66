/// The pieces of an `spm.model`, by id and by text.
struct SentencePieceModel: Sendable {
  let pieces: [SentencePieceProto.Piece]
  let unknownID: Int32
  /// The pieces used for segmentation: normal and user-defined ones.
  let trie: ByteTrie
  /// All others: control, unknown, byte and unused pieces.
  private let others: [[UInt8]: Int32]
  private let byteValues: [Int32: UInt8]
  private let unknownSurface: [UInt8]
  private let stripsLeadingSpaces: (all: Bool, first: Bool)
  private let denormalizer: SentencePieceNormalizer?

  /// The number of pieces, without added tokens.
  var count: Int { pieces.count }

  init(_ proto: SentencePieceProto) {
    pieces = proto.pieces
    unknownID = proto.unknownID
    var trie = ByteTrie()
    var others: [[UInt8]: Int32] = [:]
    for (id, piece) in proto.pieces.enumerated() {
      if piece.kind == .normal || piece.kind == .userDefined {
        trie.insert(piece.text, value: Int32(id))
      } else {
        others[Array(piece.text)] = Int32(id)
      }
    }
    self.trie = trie
    self.others = others
    byteValues = Dictionary(
      uniqueKeysWithValues: proto.byteIDs.enumerated().map { (byte, id) in (id, UInt8(byte)) })
    unknownSurface = proto.unknownSurface
    let normalization = proto.normalization
    stripsLeadingSpaces = (
      normalization.removesExtraSpaces, normalization.addsLeadingSpace || normalization.removesExtraSpaces
    )
    denormalizer = proto.denormalization.map { SentencePieceNormalizer($0) }
  }

  /// The UTF-8 of a piece; empty if there is no such id.
  func piece(_ id: Int32) -> ArraySlice<UInt8> {
    pieces.indices.contains(Int(id)) ? pieces[Int(id)].text : []
  }

  /// The id of this piece; nil if the model has none.
  func id(of piece: some Sequence<UInt8>) -> Int32? {
    trie.value(of: piece) ?? (others.isEmpty ? nil : others[Array(piece)])
  }

  /// The text of ids, all below ``count``.
  ///
  /// Source: `SentencePieceProcessor::Decode` (sentencepiece 0.2, src/sentencepiece_processor.cc).
  func decode(_ ids: [Int32]) -> String {
    var text: [UInt8] = []
    var bytes: [UInt8] = []
    var isAtStart = true
    var hasStrippedSpace = false
    func flushBytes() {
      // A byte outside a valid character becomes U+FFFD, one for each byte.
      if !bytes.isEmpty { text += Array(String(decoding: bytes, as: UTF8.self).utf8) }
      bytes = []
    }
    for id in ids {
      if let byte = byteValues[id] {
        bytes.append(byte)
        continue
      }
      flushBytes()
      if hasStrippedSpace || !text.isEmpty { isAtStart = false }
      hasStrippedSpace = false
      let piece = pieces[Int(id)]
      switch piece.kind {
      case .control: break
      case .unknown: text += unknownSurface
      default:
        var rest = piece.text
        if isAtStart, stripsLeadingSpaces.first, rest.starts(with: SentencePieceNormalizer.spaceSymbol) {
          rest = rest.dropFirst(SentencePieceNormalizer.spaceSymbol.count)
          // If extra spaces are removed, so are those of the following pieces.
          hasStrippedSpace = !stripsLeadingSpaces.all
        }
        text += SentencePieceNormalizer.withSpaces(rest)
      }
    }
    flushBytes()
    guard let denormalizer else { return String(decoding: text, as: UTF8.self) }
    return text.withUnsafeBufferPointer { text in
      String(decoding: denormalizer.normalized(text, text.indices).bytes, as: UTF8.self)
    }
  }
}
