/// A segment of a normalized text, with its piece.
struct UnigramSegment: Equatable {
  var id: Int32
  var bytes: Range<Int>
}

/// The best segmentation of a text into pieces, by the greatest sum of scores (Viterbi).
///
/// Sums tie if the same pieces can occur in another order ("III" is I·II and II·I), and then rounding decides. So the
/// arithmetic matches the reference bit for bit: `Float` and a running sum reset at ±100,000 for sentencepiece 0.2.3
/// (`Model::EncodeOptimized`, src/unigram_model.cc), `Double` for the fast variant (`Unigram::encode_optimized`,
/// tokenizers/src/models/unigram/model.rs).
///
/// - Complexity: O(bytes · longest piece).
struct UnigramSearch<Score: BinaryFloatingPoint & Sendable>: Sendable {
  private struct Node {
    var score: Score = 0
    var start: Int32 = -1  // -1: nothing ends here yet
    var id: Int32 = -1
  }

  private let trie: ByteTrie
  private let scores: [Score]
  private let unknownID: Int32
  private let unknownScore: Score
  private let resetThreshold: Score?

  /// - Parameters:
  ///   - scores: by id.
  ///   - unknownScore: the score of an unknown character.
  ///   - resetThreshold: the size at which the running sum is reset, to preserve precision.
  init(trie: ByteTrie, scores: [Score], unknownID: Int32, unknownScore: Score, resetThreshold: Score? = nil) {
    (self.trie, self.scores) = (trie, scores)
    (self.unknownID, self.unknownScore, self.resetThreshold) = (unknownID, unknownScore, resetThreshold)
  }

  /// The segments of `text[range]`, in order; an unknown character is a segment with the unknown id.
  func segments(of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>) -> [UnigramSegment] {
    guard !range.isEmpty else { return [] }
    let base = range.lowerBound
    return withUnsafeTemporaryAllocation(of: Node.self, capacity: range.count + 1) { nodes in
      nodes.initialize(repeating: Node())
      fill(nodes, text, range)

      var segments: [UnigramSegment] = []
      var end = range.count
      while end > 0 {
        let node = nodes[end]
        segments.append(UnigramSegment(id: node.id, bytes: base + Int(node.start)..<base + end))
        end = Int(node.start)
      }
      segments.reverse()
      return segments
    }
  }

  private func fill(
    _ nodes: UnsafeMutableBufferPointer<Node>, _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) {
    let base = range.lowerBound
    var start = 0
    var frontier = 0
    while start < range.count {
      if let resetThreshold, abs(nodes[start].score) > resetThreshold {
        reset(nodes, from: start, through: frontier)
      }
      let score = nodes[start].score
      let next = UTF8Text.scalar(of: text, at: base + start).end - base
      var hasPieceOfOneCharacter = false
      func offer(_ id: Int32, _ candidate: Score, at end: Int) {
        frontier = max(frontier, end)
        if nodes[end].start < 0 || candidate > nodes[end].score {
          nodes[end] = Node(score: candidate, start: Int32(start), id: id)
        }
      }
      trie.forEachPrefix(of: text, from: base + start, to: range.upperBound) { end, id in
        offer(id, scores[Int(id)] + score, at: end - base)
        if end - base == next { hasPieceOfOneCharacter = true }
      }
      if !hasPieceOfOneCharacter { offer(unknownID, unknownScore + score, at: next) }
      start = next
    }
  }

  private func reset(_ nodes: UnsafeMutableBufferPointer<Node>, from start: Int, through frontier: Int) {
    let score = nodes[start].score
    for index in start...max(start, frontier) where index == start || nodes[index].start >= 0 {
      nodes[index].score -= score
    }
  }
}
