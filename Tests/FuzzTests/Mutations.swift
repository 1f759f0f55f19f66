/// Makes damaged inputs from sound ones: the same ones for the same number, in every run.
struct Mutations {
  let seeds: [[UInt8]]
  /// What the format is made of; inserted as a whole.
  let tokens: [[UInt8]]

  init(seeds: [[UInt8]], tokens: [String] = []) {
    self.seeds = seeds
    self.tokens = tokens.map { Array($0.utf8) }
  }

  /// The input with a number: a seed after one to eight changes.
  subscript(number: Int) -> [UInt8] {
    var random = SplitMix(state: UInt64(truncatingIfNeeded: number) &* 0x9E37_79B9_7F4A_7C15 ^ 0x5DEE_CE66)
    var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
    for _ in 0..<Int.random(in: 1...8, using: &random) { change(&bytes, &random) }
    return bytes
  }

  private func change(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    let at = place(in: bytes, &random)
    let length = min(bytes.count - at, 1 << Int.random(in: 0...7, using: &random))
    switch Int.random(in: 0..<10, using: &random) {
    case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1 where at < bytes.count: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
    case 2: bytes.removeSubrange(at..<at + length)
    case 3: bytes.insert(contentsOf: Array(bytes[at..<at + length]), at: place(in: bytes, &random))
    case 4: bytes.removeLast(bytes.count - at)
    case 5: overwrite(&bytes, at, with: Self.numbers[Int.random(in: 0..<Self.numbers.count, using: &random)], &random)
    case 6 where !tokens.isEmpty:
      bytes.insert(contentsOf: tokens[Int.random(in: 0..<tokens.count, using: &random)], at: at)
    case 7:
      let unit = tokens.isEmpty ? Array(bytes[at..<at + min(length, 4)]) : tokens[at % tokens.count]
      let count = 1 << Int.random(in: 1...9, using: &random)
      bytes.insert(contentsOf: (0..<count).flatMap { _ in unit }, at: at)
    case 8:
      let other = seeds[Int.random(in: 0..<seeds.count, using: &random)]
      let from = place(in: other, &random)
      bytes.replaceSubrange(at..<at + length, with: other[from..<min(other.count, from + 2 * length)])
    default: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
    }
  }

  /// Anywhere, but most often near the start or the end, where formats say what lies between.
  private func place(in bytes: [UInt8], _ random: inout SplitMix) -> Int {
    let near = min(bytes.count, 1_024)
    return switch Int.random(in: 0..<3, using: &random) {
    case 0: Int.random(in: 0...near, using: &random)
    case 1: bytes.count - Int.random(in: 0...near, using: &random)
    default: Int.random(in: 0...bytes.count, using: &random)
    }
  }

  /// Counts and lengths at which arithmetic goes wrong.
  private static let numbers: [UInt64] = [
    0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
    0x3FFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, 0xFFFF_FFFF_FFFF_FFFF,
  ]

  private func overwrite(_ bytes: inout [UInt8], _ at: Int, with number: UInt64, _ random: inout SplitMix) {
    let size = 1 << Int.random(in: 0...3, using: &random)
    for index in 0..<min(size, bytes.count - at) {
      bytes[at + index] = UInt8(truncatingIfNeeded: number >> UInt64(8 * index))
    }
  }
}

/// SplitMix64.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
