/// PyTorch's CPU random number generator: the Mersenne Twister MT19937.
///
/// Some PEFT folders contain a seed instead of the values drawn from it. Source: ATen, `CPUGeneratorImpl`,
/// `DistributionTemplates.h`, `TensorFactories.cpp`.
struct TorchRandom {
  private static let size = 624
  private var state: [UInt32]
  private var position = TorchRandom.size

  init(seed: Int) {
    state = [UInt32(truncatingIfNeeded: seed)]
    for index in 1..<Self.size {
      let last = state[index - 1]
      state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(index))
    }
  }

  /// 32 random bits.
  mutating func next() -> UInt32 {
    if position == Self.size { twist() }
    var value = state[position]
    position += 1
    value ^= value >> 11
    value ^= value << 7 & 0x9d2c_5680
    value ^= value << 15 & 0xefc6_0000
    return value ^ value >> 18
  }

  private mutating func twist() {
    for index in 0..<Self.size {
      let mixed = state[index] & 0x8000_0000 | state[(index + 1) % Self.size] & 0x7fff_ffff
      state[index] = state[(index + 397) % Self.size] ^ mixed >> 1 ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
    }
    position = 0
  }

  /// `uniform_(-bound, bound)` in float32.
  mutating func uniform(bound: Double) -> Float {
    Float(next() & 0xff_ffff) * Float(sign: .plus, exponent: -24, significand: 1) * Float(2 * bound) - Float(bound)
  }

  /// The first values of `randperm(count)`.
  mutating func permutation(_ count: Int, first: Int) -> [Int] {
    var values = Array(0..<count)
    for index in 0..<max(count - 1, 0) {
      if index >= first { break }
      values.swapAt(index, index + Int(next()) % (count - index))
    }
    return Array(values.prefix(first))
  }
}
