internal import Glibc

/// Random numbers that a seed repeats on every machine.
///
/// Source: SplitMix64, Steele, Lea, Flood, "Fast Splittable Pseudorandom
/// Number Generators" (2014).
public struct RandomNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A value of [0, 1).
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// A whole number of 0..<count, the same in every version of the standard library.
  ///
  /// No number is likelier than another by more than count / 2^64.
  public mutating func below(_ count: Int) -> Int {
    precondition(count > 0, "no number is below \(count)")
    return Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// A value of the standard normal distribution (Box-Muller).
  public mutating func normal() -> Float {
    let radius = (-2 * log(Double(next() >> 11 | 1) * 0x1p-53)).squareRoot()
    return Float(radius * cos(2 * Double.pi * Double(next() >> 11) * 0x1p-53))
  }

  /// A value of the standard normal distribution, drawn again until it lies within a bound.
  public mutating func normal(within bound: Float) -> Float {
    while true {
      let value = normal()
      if abs(value) <= bound { return value }
    }
  }
}
