import Testing

@testable import AdapterRegistry

@Suite struct SHA256Tests {
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
      var hash = SHA256()
      for start in stride(from: 0, to: length, by: step) {
        Array(message[start..<min(start + step, length)]).withUnsafeBytes { hash.update($0) }
      }
      #expect(ContentDigest(hash) == ContentDigest(of: message))
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

@Suite struct ContentDigestTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func aFoldersDigestIsThatOfItsListOfFiles() throws {
    let folder = try scratch.folder("a", ["b": "abc", "a": ""])
    let lines = "a\u{0}0\u{0}\(SHA256Tests.vectors[0].digest)\nb\u{0}3\u{0}\(SHA256Tests.vectors[1].digest)\n"
    #expect(try ContentDigest.ofFolder(folder) == ContentDigest(of: lines.utf8))
  }

  @Test func aNameOrAByteMakesAnotherDigestAndThePlaceDoesNot() throws {
    let digest = try ContentDigest.ofFolder(scratch.folder("a", ["x": "1", "y": "2"]))
    #expect(try ContentDigest.ofFolder(scratch.folder("b", ["x": "1", "z": "2"])) != digest)
    #expect(try ContentDigest.ofFolder(scratch.folder("c", ["x": "2", "y": "1"])) != digest)
    #expect(try ContentDigest.ofFolder(scratch.folder("d", ["y": "2", "x": "1", ".hidden": "3"])) == digest)
    #expect(
      try ContentDigest.ofFolder(scratch.folder("e", ["x": "1", "y": "2", "z": "3"]), files: ["y", "x"]) == digest)
  }

  @Test func whatIsNoRegularFileIsRefused() throws {
    let folder = try scratch.folder("a", ["x": "1"])
    try scratch.folder("a/inner", ["y": "1"])
    #expect(
      throws: RegistryError.unexpectedEntry(
        path: "\(folder)/inner", reason: "is a folder; only files are expected here")
    ) {
      try ContentDigest.ofFolder(folder)
    }
    #expect(throws: RegistryError.self) { try ContentDigest.ofFolder("\(scratch.path)/absent") }
    #expect(throws: RegistryError.self) { try ContentDigest.ofFolder("\(folder)/x") }
    #expect(throws: RegistryError.self) { try ContentDigest.ofFolder(folder, files: ["../a/x"]) }
    #expect(throws: RegistryError.self) { try ContentDigest.ofFolder(scratch.folder("empty", [:])) }
  }

  @Test func aPipeIsRefusedAndNotWaitedFor() throws {
    let folder = try scratch.folder("a", ["x": "1"])
    try makePipe("\(folder)/pipe")
    #expect(throws: RegistryError.unexpectedEntry(path: "\(folder)/pipe", reason: "is not a regular file")) {
      try ContentDigest.ofFolder(folder)
    }
  }
}
