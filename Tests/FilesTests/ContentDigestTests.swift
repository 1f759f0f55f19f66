import Files
import Testing

@Suite struct ContentDigestTests {
  /// FIPS 180-4 examples and the long message of NIST's test suite.
  static let vectors: [(message: String, digest: String)] = [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ]

  @Test func oneChangedBitChangesTheDigest() {
    #expect(ContentDigest(of: "abc".utf8) != ContentDigest(of: "abb".utf8))
  }

  @Test(arguments: vectors.indices)
  func theStandardsMessagesHaveTheStandardsDigests(_ index: Int) {
    #expect(ContentDigest(of: Self.vectors[index].message.utf8).text == Self.vectors[index].digest)
  }

  /// Lengths around the border of a block, where the padding needs one more.
  @Test(arguments: [1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 1000])
  func howAMessageIsCutDoesNotMatter(_ length: Int) {
    let message = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
    for step in [1, 3, 63, 64, 65] {
      var hash = ContentHasher()
      for start in stride(from: 0, to: length, by: step) {
        Array(message[start..<min(start + step, length)]).withUnsafeBytes { hash.update($0) }
      }
      #expect(hash.digest == ContentDigest(of: message))
      #expect(hash.count == length)
    }
  }

  @Test func aDigestIsSixtyFourLowerCaseHexadecimalDigits() {
    #expect(ContentDigest(String(repeating: "0a", count: 32)) != nil)
    for text in ["", "0a", String(repeating: "0A", count: 32), String(repeating: "0g", count: 32)] {
      #expect(ContentDigest(text) == nil)
    }
  }
}
