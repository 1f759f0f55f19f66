/// A map from byte strings to numbers, with prefix search.
///
/// A single (node, byte) → node table with open addressing and linear probing, at most half full: small for a few added
/// tokens, fast to build for a vocabulary of 128,000 pieces.
///
/// Keys are bytes because Swift compares `String`s by canonical equivalence, and a vocabulary may contain "é" in both
/// forms.
struct ByteTrie: Sendable {
  private struct Edge: Sendable {
    var key: UInt64 = .max  // node << 8 | byte; .max: the slot is empty
    var child: Int32 = 0
  }

  private static let none: Int32 = -1
  private var edges = [Edge](repeating: Edge(), count: 16)
  private var values: [Int32] = [none]  // by node; node 0 is the root

  var isEmpty: Bool { values.count == 1 }

  /// Adds a string, or replaces its number. Empty strings are ignored.
  mutating func insert(_ string: some Sequence<UInt8>, value: Int32) {
    var node: Int32 = 0
    for byte in string {
      if let child = child(of: node, byte) {
        node = child
      } else {
        node = addChild(of: node, byte)
      }
    }
    if node != 0 { values[Int(node)] = value }
  }

  /// Calls `body` with the end and the number of every string that is a prefix of `bytes[start..<limit]`, shortest
  /// first.
  @inline(__always)
  func forEachPrefix(
    of bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int, _ body: (_ end: Int, _ value: Int32) -> Void
  ) {
    var node: Int32 = 0
    var position = start
    while position < limit, let child = child(of: node, bytes[position]) {
      node = child
      position += 1
      let value = values[Int(node)]
      if value != Self.none { body(position, value) }
    }
  }

  /// The end and the number of the longest string that is a prefix of `bytes[start..<limit]`.
  func longestPrefix(
    of bytes: UnsafeBufferPointer<UInt8>, from start: Int, to limit: Int
  ) -> (end: Int, value: Int32)? {
    var longest: (end: Int, value: Int32)?
    forEachPrefix(of: bytes, from: start, to: limit) { longest = ($0, $1) }
    return longest
  }

  /// The number of this string; nil if it was not added.
  func value(of string: some Sequence<UInt8>) -> Int32? {
    var node: Int32 = 0
    for byte in string {
      guard let child = child(of: node, byte) else { return nil }
      node = child
    }
    return values[Int(node)] == Self.none ? nil : values[Int(node)]
  }

  private func child(of node: Int32, _ byte: UInt8) -> Int32? {
    let key = UInt64(node) << 8 | UInt64(byte)
    var slot = Self.hash(key) & (edges.count - 1)
    while edges[slot].key != key {
      if edges[slot].key == .max { return nil }
      slot = (slot + 1) & (edges.count - 1)
    }
    return edges[slot].child
  }

  private mutating func addChild(of node: Int32, _ byte: UInt8) -> Int32 {
    let child = Int32(values.count)
    values.append(Self.none)
    if values.count * 2 > edges.count { grow() }
    place(Edge(key: UInt64(node) << 8 | UInt64(byte), child: child))
    return child
  }

  private mutating func place(_ edge: Edge) {
    var slot = Self.hash(edge.key) & (edges.count - 1)
    while edges[slot].key != .max { slot = (slot + 1) & (edges.count - 1) }
    edges[slot] = edge
  }

  private mutating func grow() {
    let old = edges
    edges = [Edge](repeating: Edge(), count: old.count * 2)
    for edge in old where edge.key != .max { place(edge) }
  }

  /// Fibonacci hashing with the high half of the product, because the low bits mix poorly.
  private static func hash(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }
}
