/// The SHA-256 of some content, as 64 hexadecimal digits.
///
/// For a folder it is taken over its list of files: one line
/// `name NUL size NUL digest LF` for each, in the order of the names' UTF-8
/// bytes. Two folders have the same digest exactly when they hold the same
/// files with the same bytes.
public struct ContentDigest: Hashable, Sendable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let text: String

  /// Takes 64 lower-case hexadecimal digits, nothing else.
  public init?(_ text: String) {
    guard text.utf8.count == 64, text.utf8.allSatisfy(Self.digits.contains) else { return nil }
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
    var hash = SHA256()
    Array(bytes).withUnsafeBytes { hash.update($0) }
    self.init(hash)
  }

  /// The digest of files, as above.
  init(of files: [FileRecord]) {
    let lines = files.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
      .map { "\($0.name)\0\($0.byteCount)\0\($0.digest.text)\n" }
    self.init(of: lines.joined().utf8)
  }

  /// The digest of the folder at `path`.
  ///
  /// - Parameters:
  ///   - path: a folder.
  ///   - files: the names of the files that count; by default all that
  ///     ``FolderContents`` takes.
  public static func ofFolder(_ path: String, files: [String]? = nil) throws(RegistryError) -> ContentDigest {
    try FolderContents(of: path, files: files).digest
  }

  /// The first 12 digits, enough for a table or a sentence.
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
