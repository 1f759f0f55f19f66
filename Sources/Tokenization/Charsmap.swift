internal import Checkpoints

/// SentencePiece's `precompiled_charsmap`: strings with their normalizations.
///
/// On disk: the byte count of a double-array trie (4 bytes, little endian), the trie (Darts-clone units of 4 bytes),
/// and the NUL-terminated targets. A key's value is the offset of its target.
///
/// - SeeAlso: `Normalizer::DecodePrecompiledCharsMap` (sentencepiece/src/normalizer.cc).
struct Charsmap: Sendable {
  private struct Unit {
    var bits: UInt32
    var hasLeaf: Bool { bits >> 8 & 1 == 1 }
    var value: Int { Int(bits & 0x7FFF_FFFF) }
    var label: UInt32 { bits & 0x8000_00FF }
    var offset: Int { Int((bits >> 10) << ((bits & 0x200) >> 6)) }
  }

  private var units: [UInt32] = []
  private var targets: [UInt8] = []
  /// The bytes of the longest target.
  private(set) var longestTarget = 0

  /// The identity map.
  init() {}

  var isEmpty: Bool { units.isEmpty }

  /// Nil if a lookup could leave the table, or a target is too long, which would let a short text grow without limit.
  /// An empty blob is the identity map.
  init?(_ blob: ArraySlice<UInt8>) {
    guard !blob.isEmpty else { return }
    guard blob.count > 4 else { return nil }
    let count = Int(Self.word(blob.prefix(4)))
    guard count < blob.count - 4, count.isMultiple(of: 4) else { return nil }
    let trie = blob.dropFirst(4).prefix(count)
    units = stride(from: trie.startIndex, to: trie.endIndex, by: 4).map { Self.word(trie[$0..<$0 + 4]) }
    targets = Array(blob.dropFirst(4 + count))
    guard targets.last == 0, isSound else { return nil }
    longestTarget = targets.split(separator: 0).lazy.map(\.count).max() ?? 0
    guard longestTarget <= Limits.normalizedBytes else { return nil }
  }

  /// The checks of sentencepiece 0.2.3 (`DoubleArrayImpl::validate`, darts.h).
  private var isSound: Bool {
    guard let root = units.first.map(Unit.init) else { return false }
    guard root.label == 0, !root.hasLeaf, root.offset != 0, root.offset | 0xFF < units.count else { return false }
    return units.indices.dropFirst().allSatisfy { index in
      let unit = Unit(bits: units[index])
      guard unit.label <= 0xFF else { return unit.value < targets.count }
      let child = index ^ unit.offset
      return child | 0xFF < units.count && !(unit.hasLeaf && Unit(bits: units[child]).label <= 0xFF)
    }
  }

  /// The target of the *shortest* key that is a prefix of `text[range]`.
  ///
  /// The fast variant uses the shortest key for a grapheme and drops the rest (`Precompiled::transform`, the crate
  /// spm_precompiled). SentencePiece itself uses the longest and continues after it.
  func targetOfShortestKey(in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> ArraySlice<UInt8>? {
    guard var unit = units.first.map(Unit.init) else { return nil }
    var node = unit.offset
    for byte in text[range] {
      guard byte != 0 else { return nil }
      node ^= Int(byte)
      unit = Unit(bits: units[node])
      guard unit.label == UInt32(byte) else { return nil }
      node ^= unit.offset
      guard unit.hasLeaf else { continue }
      return targets[Unit(bits: units[node]).value...].prefix { $0 != 0 }
    }
    return nil
  }

  /// The target and the end of the longest key that is a prefix of `text[range]`.
  func longestKey(
    in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> (target: ArraySlice<UInt8>, end: Int)? {
    guard var unit = units.first.map(Unit.init) else { return nil }
    var node = unit.offset
    var longest: (value: Int, end: Int)?
    for position in range {
      let byte = text[position]
      guard byte != 0 else { break }
      node ^= Int(byte)
      unit = Unit(bits: units[node])
      guard unit.label == UInt32(byte) else { break }
      node ^= unit.offset
      if unit.hasLeaf { longest = (Unit(bits: units[node]).value, position + 1) }
    }
    return longest.map { (targets[$0.value...].prefix { $0 != 0 }, $0.end) }
  }

  private static func word(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
