/// A SHA-256 digest, as 64 hexadecimal digits.
public struct ContentDigest: Hashable, Sendable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let text: String

  /// Accepts exactly 64 lower-case hexadecimal digits.
  public init?(_ text: String) {
    guard text.utf8.count == 64, text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.text = text
  }

  init(_ hash: SHA256) {
    var text: [UInt8] = []
    for byte in hash.digest() {
      text.append(Self.digits[Int(byte >> 4)])
      text.append(Self.digits[Int(byte & 15)])
    }
    self.text = String(decoding: text, as: UTF8.self)
  }

  /// The digest of the bytes.
  public init(of bytes: some Sequence<UInt8>) {
    var hash = ContentHasher()
    Array(bytes).withUnsafeBytes { hash.update($0) }
    self = hash.digest
  }

  /// The digest of the regular file at a path.
  public init(ofFile path: String) throws(FileError) {
    var hash = ContentHasher()
    try ReadFile(path).read { (piece) throws(FileError) in hash.update(piece) }
    self = hash.digest
  }

  /// The first 12 digits, enough for a table or a message.
  public var short: String { String(text.prefix(12)) }

  public var description: String { text }

  private static let digits = Array("0123456789abcdef".utf8)
}

extension ContentDigest: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = ContentDigest(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "a content digest has 64 lower-case hexadecimal digits, found '\(text)'")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// Hashes content incrementally.
public struct ContentHasher {
  private var hash = SHA256()

  public init() {}

  /// The number of bytes hashed so far.
  public var count: Int { hash.count }

  /// Takes the next bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bytes) }

  /// The digest of the bytes so far.
  public var digest: ContentDigest { ContentDigest(hash) }
}
