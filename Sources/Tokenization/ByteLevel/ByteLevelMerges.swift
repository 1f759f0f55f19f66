/// Byte-pair encoding of words as bytes: of all adjacent pairs with a merge, the one with the earliest merge is joined
/// first.
///
/// Concretely, with the merges `h e`, `t he` and `l l`:
///
///     t h e → t he → the        a l l → a ll
///
/// - Complexity: O(bytes · log merges) time, and memory for a megabyte of a word, however long it is. Merges of pieces
///   that only later merges create, which no training produces, need memory for the whole word.
struct ByteLevelMerges: Sendable {
  /// How the two references treat a new pair that an earlier merge joins, which no training produces.
  enum Order: Sendable {
    /// All occurrences of a merge are joined before the next merge is selected (`DebertaTokenizer.bpe`).
    case byMerge
    /// The new pair is joined immediately (`Word::merge_all`, tokenizers/src/models/bpe/word.rs).
    case byPlace
  }

  private let table: MergeTable
  /// The id of each symbol: bytes first, then the results of merges.
  private let ids: [Int32]
  private let order: Order
  /// The number of final pieces of a word that may change if the word continues; nil: all of them.
  ///
  /// A merge can only be prevented by an earlier one at the next position to the right, that one by a still earlier
  /// one, and so on: later text affects at most as many pieces as there are merges, if every merge joins results of
  /// earlier ones.
  let doubtfulPieces: Int?

  /// The number of bytes of a word merged at a time.
  private static let blockBytes = 1 << 20

  /// - Parameters:
  ///   - merges: the pairs, in the letters of ``ByteAlphabet``, in order.
  ///   - order: how new pairs are treated.
  ///   - id: the id of a piece.
  init(_ merges: [ByteLevelModel.Merge], order: Order, id: ([UInt8]) -> Int32) {
    var symbols = ByteTrie()
    var texts: [[UInt8]] = []
    func symbol(_ text: [UInt8]) -> Int {
      if let known = symbols.value(of: text) { return Int(known) }
      symbols.insert(text, value: Int32(texts.count))
      texts.append(text)
      return texts.count - 1
    }
    for letter in ByteAlphabet.letters { _ = symbol(Array(String(letter).utf8)) }
    var pairs: [(left: Int, right: Int, whole: Int)] = []
    for merge in merges { pairs.append((symbol(merge.left), symbol(merge.right), symbol(merge.left + merge.right))) }

    var table = MergeTable(capacity: pairs.count)
    // The last merge that creates each symbol; bytes exist from the start.
    var maker = [Int](repeating: .max, count: texts.count)
    for byte in ByteAlphabet.letters.indices { maker[byte] = -1 }
    for (rank, pair) in pairs.enumerated() {
      table.insert(pair.left, pair.right, MergeTable.Merge(rank: UInt32(rank), symbol: Int32(pair.whole)))
      maker[pair.whole] = rank
    }
    let isOrdered = pairs.enumerated().allSatisfy { rank, pair in
      let parts = [maker[pair.left], maker[pair.right]]
      return parts.contains(.max) || parts.allSatisfy { $0 < rank }
    }
    self.table = table
    self.order = order
    ids = texts.map(id)
    doubtfulPieces = isOrdered ? pairs.count + 1 : nil
  }

  /// The buffers of a search, reused between words.
  struct Workspace {
    fileprivate var symbols: [Int32] = []
    fileprivate var next: [Int32] = []
    fileprivate var previous: [Int32] = []
    fileprivate var queue = Heap<UInt64>()
    fileprivate var waiting: [Int] = []
  }

  /// Calls `body` with the id and the bytes of each piece of a word, in order.
  func forEachPiece(
    of text: UnsafeBufferPointer<UInt8>, in word: Range<Int>, _ workspace: inout Workspace,
    _ body: (_ id: Int32, _ bytes: Range<Int>) -> Void
  ) {
    var start = word.lowerBound
    var size = doubtfulPieces == nil ? word.count : Self.blockBytes
    while start < word.upperBound {
      let end = min(start + size, word.upperBound)
      merge(text[start..<end], &workspace)
      // Pieces do not depend on text before the piece in which they begin, so a word can continue from any of them.
      var kept = end - start
      if end < word.upperBound {
        kept = beginning(ofLast: doubtfulPieces ?? 0, in: workspace)
        if kept == 0 { size *= 4 }
      }
      var place = 0
      while place < kept {
        let following = Int(workspace.next[place])
        body(ids[Int(workspace.symbols[place])], start + place..<start + following)
        place = following
      }
      start += kept
    }
  }

  /// The start of the last pieces of a block; 0 if the block has no more.
  private func beginning(ofLast count: Int, in workspace: Workspace) -> Int {
    var starts: [Int] = []
    var place = 0
    while place < workspace.symbols.count {
      starts.append(place)
      place = Int(workspace.next[place])
    }
    return starts.count > count ? starts[starts.count - count] : 0
  }

  /// Joins the bytes of a block; a symbol is stored at its first byte.
  private func merge(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ space: inout Workspace) {
    let count = bytes.count
    space.symbols.removeAll(keepingCapacity: true)
    space.symbols.append(contentsOf: bytes.lazy.map { Int32($0) })
    space.next.removeAll(keepingCapacity: true)
    space.next.append(contentsOf: 1...Int32(count))
    space.previous.removeAll(keepingCapacity: true)
    space.previous.append(contentsOf: -1..<Int32(count) - 1)
    space.queue.removeAll()
    for place in 0..<count { offer(place, &space) }

    var current: UInt32?
    while true {
      if order == .byMerge, !space.waiting.isEmpty, space.queue.greatest.map({ Self.rank($0) }) != current {
        for place in space.waiting { offer(place, &space) }
        space.waiting.removeAll(keepingCapacity: true)
      }
      guard let entry = space.queue.popGreatest() else { return }
      let (rank, place) = (Self.rank(entry), Self.place(entry))
      let right = Int(space.next[place])
      // An entry is stale if one of its symbols has been joined.
      guard space.symbols[place] >= 0, right < count,
        let merge = table[space.symbols[place], space.symbols[right]], merge.rank == rank
      else { continue }
      current = rank
      space.symbols[place] = merge.symbol
      space.symbols[right] = -1
      let following = Int(space.next[right])
      space.next[place] = Int32(following)
      if following < count { space.previous[following] = Int32(place) }
      switch order {
      case .byMerge: space.waiting += [Int(space.previous[place]), place]
      case .byPlace:
        offer(Int(space.previous[place]), &space)
        offer(place, &space)
      }
    }
  }

  /// Queues the pair at a position, if there is a merge for it.
  private func offer(_ place: Int, _ space: inout Workspace) {
    guard place >= 0, space.symbols[place] >= 0, Int(space.next[place]) < space.symbols.count,
      let merge = table[space.symbols[place], space.symbols[Int(space.next[place])]]
    else { return }
    space.queue.push(~(UInt64(merge.rank) << 32 | UInt64(place)))
  }

  private static func rank(_ entry: UInt64) -> UInt32 { UInt32(~entry >> 32) }

  private static func place(_ entry: UInt64) -> Int { Int(UInt32(truncatingIfNeeded: ~entry)) }
}

/// Merges keyed by symbol pair: open addressing with linear probing, at most half full.
private struct MergeTable: Sendable {
  struct Merge: Sendable {
    var rank: UInt32
    var symbol: Int32
  }

  private struct Slot: Sendable {
    var pair = UInt64.max  // .max: the slot is empty
    var merge = Merge(rank: 0, symbol: 0)
  }

  private var slots: [Slot]

  init(capacity: Int) {
    var size = 16
    while size < 2 * (capacity + 1) { size *= 2 }
    slots = Array(repeating: Slot(), count: size)
  }

  /// Adds a merge, or replaces that of the same pair.
  mutating func insert(_ left: Int, _ right: Int, _ merge: Merge) {
    let pair = UInt64(left) << 32 | UInt64(right)
    slots[slot(of: pair)] = Slot(pair: pair, merge: merge)
  }

  subscript(left: Int32, right: Int32) -> Merge? {
    let pair = UInt64(left) << 32 | UInt64(right)
    let found = slots[slot(of: pair)]
    return found.pair == pair ? found.merge : nil
  }

  /// The slot of a pair, or the empty slot to insert it.
  private func slot(of pair: UInt64) -> Int {
    // Fibonacci hashing, as in ByteTrie.
    var slot = Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> 32) & (slots.count - 1)
    while slots[slot].pair != pair, slots[slot].pair != .max { slot = (slot + 1) & (slots.count - 1) }
    return slot
  }
}
