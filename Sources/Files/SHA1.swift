/// The digest SHA-1, for the names that git gives to files and for names of settings: it resists no attack.
///
/// Source: FIPS 180-4, 6.1.
public struct SHA1: Sendable {
  private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
    0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0
  )
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  public init() {}

  /// 40 hexadecimal digits.
  public static func hexadecimal(of message: [UInt8]) -> String {
    var hash = SHA1()
    hash.update(message)
    return hash.hexadecimal
  }

  /// Takes the next bytes of the message.
  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// Takes the next bytes of the message.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let missing = rest.prefix(64 - pending.count)
      pending.append(contentsOf: missing)
      rest = rest.dropFirst(missing.count)
      guard pending.count == 64 else { return }
      let block = pending
      block.withUnsafeBytes { add($0) }
      pending.removeAll(keepingCapacity: true)
    }
    while rest.count >= 64 {
      add(UnsafeRawBufferPointer(rebasing: rest.prefix(64)))
      rest = rest.dropFirst(64)
    }
    pending.append(contentsOf: rest)
  }

  /// The digest of what was taken so far, as 40 hexadecimal digits.
  public var hexadecimal: String {
    var padded = self
    let bits = byteCount &* 8
    padded.update([0x80] + Array(repeating: 0, count: (119 - pending.count) % 64))
    padded.update(withUnsafeBytes(of: bits.bigEndian, Array.init))
    let s = padded.state
    return [s.0, s.1, s.2, s.3, s.4].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  /// Folds a block of 64 bytes into the state.
  private mutating func add(_ block: UnsafeRawBufferPointer) {
    precondition(block.count == 64, "SHA-1 takes blocks of 64 bytes, got \(block.count)")
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
      for index in 0..<16 {
        words[index] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
      }
      for index in 16..<80 {
        words[index] = Self.rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
      }
      var (a, b, c, d, e) = state
      for index in 0..<80 {
        let (f, k): (UInt32, UInt32) =
          switch index {
          case ..<20: (b & c | ~b & d, 0x5A82_7999)
          case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
          case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
          default: (b ^ c ^ d, 0xCA62_C1D6)
          }
        (a, b, c, d, e) = (Self.rotated(a, by: 5) &+ f &+ e &+ k &+ words[index], a, Self.rotated(b, by: 30), c, d)
      }
      state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
    }
  }

  private static func rotated(_ word: UInt32, by bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
}
