/// SHA-256 as in FIPS 180-4, updated incrementally.
///
/// `K` and the initial state are the fractional parts of the cube and square
/// roots of the first primes, as the standard lists them.
struct SHA256 {
  private var state: State = (
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19
  )
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// The number of bytes processed so far.
  var count: Int { Int(byteCount) }

  /// Processes the next bytes of the message.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let missing = rest.prefix(Self.blockSize - pending.count)
      pending.append(contentsOf: missing)
      rest = rest.dropFirst(missing.count)
      guard pending.count == Self.blockSize else { return }
      pending.withUnsafeBytes { Self.compress(&state, $0) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = rest.count / Self.blockSize * Self.blockSize
    if whole > 0 { Self.compress(&state, UnsafeRawBufferPointer(rebasing: rest.prefix(whole))) }
    pending.append(contentsOf: rest.dropFirst(whole))
  }

  /// The 32 bytes of the digest; does not change the state.
  func digest() -> [UInt8] {
    var padded = self
    var tail: [UInt8] = [0x80]
    tail += repeatElement(0, count: (119 - pending.count) % Self.blockSize)
    tail += Self.bigEndianBytes(byteCount &* 8)
    tail.withUnsafeBytes { padded.update($0) }
    let s = padded.state
    return [s.0, s.1, s.2, s.3, s.4, s.5, s.6, s.7].flatMap(Self.bigEndianBytes)
  }

  private typealias State = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  private static let blockSize = 64

  private static func bigEndianBytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian, Array.init)
  }

  /// Processes whole blocks.
  ///
  /// - blocks: [64 n] bytes. Every load below stays within one block, within the 64 words of `w`, or within the 64
  ///   constants.
  private static func compress(_ state: inout State, _ blocks: UnsafeRawBufferPointer) {
    precondition(blocks.count % blockSize == 0, "SHA-256 takes blocks of 64 bytes, got \(blocks.count) bytes")
    guard let start = blocks.baseAddress else { return }
    constants.withUnsafeBufferPointer { constants in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
        guard let k = constants.baseAddress, let w = words.baseAddress else { return }
        var s = state
        for offset in stride(from: 0, to: blocks.count, by: blockSize) {
          schedule(start + offset, into: w)
          rounds(&s, w, k)
        }
        state = s
      }
    }
  }

  @inline(__always)
  private static func schedule(_ block: UnsafeRawPointer, into w: UnsafeMutablePointer<UInt32>) {
    var t = 0
    while t < 16 {
      w[t] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: 4 &* t, as: UInt32.self))
      t &+= 1
    }
    while t < 64 {
      let near = w[t &- 2]
      let far = w[t &- 15]
      let mixedNear = rotated(near, 17) ^ rotated(near, 19) ^ (near &>> 10)
      let mixedFar = rotated(far, 7) ^ rotated(far, 18) ^ (far &>> 3)
      w[t] = mixedNear &+ w[t &- 7] &+ mixedFar &+ w[t &- 16]
      t &+= 1
    }
  }

  /// 64 rounds, eight per iteration, so that the working variables return to their places without moves.
  @inline(__always)
  private static func rounds(_ s: inout State, _ w: UnsafeMutablePointer<UInt32>, _ k: UnsafePointer<UInt32>) {
    var (a, b, c, d, e, f, g, h) = s
    var t = 0
    while t < 64 {
      step(a, b, c, &d, e, f, g, &h, k[t] &+ w[t])
      step(h, a, b, &c, d, e, f, &g, k[t &+ 1] &+ w[t &+ 1])
      step(g, h, a, &b, c, d, e, &f, k[t &+ 2] &+ w[t &+ 2])
      step(f, g, h, &a, b, c, d, &e, k[t &+ 3] &+ w[t &+ 3])
      step(e, f, g, &h, a, b, c, &d, k[t &+ 4] &+ w[t &+ 4])
      step(d, e, f, &g, h, a, b, &c, k[t &+ 5] &+ w[t &+ 5])
      step(c, d, e, &f, g, h, a, &b, k[t &+ 6] &+ w[t &+ 6])
      step(b, c, d, &e, f, g, h, &a, k[t &+ 7] &+ w[t &+ 7])
      t &+= 8
    }
    s.0 &+= a
    s.1 &+= b
    s.2 &+= c
    s.3 &+= d
    s.4 &+= e
    s.5 &+= f
    s.6 &+= g
    s.7 &+= h
  }

  @inline(__always)
  private static func step(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32,
    _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ word: UInt32
  ) {
    let chosen = (e & f) ^ (~e & g)
    let first = h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ chosen &+ word
    let majority = (a & b) ^ (a & c) ^ (b & c)
    d &+= first
    h = first &+ (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
  }

  @inline(__always)
  private static func rotated(_ x: UInt32, _ count: UInt32) -> UInt32 { (x &>> count) | (x &<< (32 &- count)) }

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}
