/// Byte-pair encoding as in SentencePiece: of all adjacent pairs that form a piece, the one with the best score is
/// joined first, the leftmost in case of a tie.
///
/// Source: `bpe::Model::SampleEncode` with alpha 0 (sentencepiece 0.2, src/bpe_model.cc).
/// - Complexity: O(bytes · log bytes).
struct BytePairMerges: Sendable {
  private struct Symbol {
    var bytes: Range<Int>
    var previous: Int
    var next: Int
    /// User-defined pieces are not joined with others.
    var isFrozen: Bool
  }

  private struct Pair: Comparable {
    var left: Int
    var right: Int
    var score: Float
    var bytes: Range<Int>

    /// The greater pair is the better one.
    static func < (a: Pair, b: Pair) -> Bool { a.score < b.score || (a.score == b.score && a.left > b.left) }
  }

  private let model: SentencePieceModel
  private let kept: ByteTrie

  /// - Parameter kept: the user-defined pieces.
  init(_ model: SentencePieceModel, keeping kept: ByteTrie) {
    self.model = model
    self.kept = kept
  }

  /// The segments of a normalized text, in order; an unknown character is a segment with the unknown id.
  func segments(of text: UnsafeBufferPointer<UInt8>) -> [UnigramSegment] {
    var symbols = symbols(of: text)
    var queue = Heap<Pair>()
    var splits: [Range<Int>: (Range<Int>, Range<Int>)] = [:]
    func offer(_ left: Int, _ right: Int) {
      guard symbols.indices.contains(left), symbols.indices.contains(right), !symbols[left].isFrozen,
        !symbols[right].isFrozen
      else { return }
      let bytes = symbols[left].bytes.lowerBound..<symbols[right].bytes.upperBound
      guard let id = model.id(of: text[bytes]), model.pieces[Int(id)].isMergeable else { return }
      queue.push(Pair(left: left, right: right, score: model.pieces[Int(id)].score, bytes: bytes))
      if model.pieces[Int(id)].kind == .unused { splits[bytes] = (symbols[left].bytes, symbols[right].bytes) }
    }
    for right in symbols.indices.dropFirst() { offer(right - 1, right) }
    while let best = queue.popGreatest() {
      // A pair is stale once one of its halves has been joined with another symbol.
      guard !symbols[best.left].bytes.isEmpty, !symbols[best.right].bytes.isEmpty,
        symbols[best.left].bytes.lowerBound == best.bytes.lowerBound,
        symbols[best.left].bytes.count + symbols[best.right].bytes.count == best.bytes.count
      else { continue }
      let next = symbols[best.right].next
      symbols[best.left].bytes = best.bytes
      symbols[best.left].next = next
      if symbols.indices.contains(next) { symbols[next].previous = best.left }
      symbols[best.right].bytes = best.bytes.upperBound..<best.bytes.upperBound
      offer(symbols[best.left].previous, best.left)
      offer(best.left, next)
    }
    return symbols.filter { !$0.bytes.isEmpty }.flatMap { resegmented($0.bytes, text, splits) }
  }

  private func symbols(of text: UnsafeBufferPointer<UInt8>) -> [Symbol] {
    var symbols: [Symbol] = []
    var position = 0
    while position < text.count {
      let match = kept.longestPrefix(of: text, from: position, to: text.count)
      let end = match?.end ?? UTF8Text.scalar(of: text, at: position).end
      symbols.append(
        Symbol(
          bytes: position..<end, previous: symbols.count - 1, next: symbols.count + 1, isFrozen: match != nil))
      position = end
    }
    return symbols
  }

  /// Splits an unused piece the way it was joined.
  private func resegmented(
    _ bytes: Range<Int>, _ text: UnsafeBufferPointer<UInt8>, _ splits: [Range<Int>: (Range<Int>, Range<Int>)]
  ) -> [UnigramSegment] {
    var segments: [UnigramSegment] = []
    var stack = [bytes]
    while let part = stack.popLast() {
      let id = model.id(of: text[part]) ?? model.unknownID
      if model.pieces[Int(id)].kind == .unused, let (left, right) = splits[part] {
        stack += [right, left]
      } else {
        segments.append(UnigramSegment(id: id, bytes: part))
      }
    }
    return segments
  }
}

extension SentencePieceProto.Piece {
  /// Whether the piece can take part in merges.
  fileprivate var isMergeable: Bool { kind == .normal || kind == .userDefined || kind == .unused }
}
