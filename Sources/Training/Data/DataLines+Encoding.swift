/// A file that is not UTF-8 text, detected from its first bytes.
struct ForeignContent {
  /// For example 'UTF-16 text'.
  let name: String
  /// What to do, in the imperative.
  let remedy: String

  private static let convert = "convert it, for example with iconv -f UTF-16 -t UTF-8"

  private static let signatures: [(bytes: [UInt8], content: ForeignContent)] = [
    ([0xFF, 0xFE, 0x00, 0x00], .init(name: "UTF-32 text", remedy: "convert it, as with iconv -f UTF-32 -t UTF-8")),
    ([0x00, 0x00, 0xFE, 0xFF], .init(name: "UTF-32 text", remedy: "convert it, as with iconv -f UTF-32 -t UTF-8")),
    ([0xFF, 0xFE], .init(name: "UTF-16 text", remedy: convert)),
    ([0xFE, 0xFF], .init(name: "UTF-16 text", remedy: convert)),
    ([0x1F, 0x8B], .init(name: "compressed with gzip", remedy: "decompress it with gunzip")),
    (Array("PAR1".utf8), .init(name: "a Parquet file", remedy: "write it as JSON Lines or CSV")),
    (Array("PK\u{3}\u{4}".utf8), .init(name: "a zip archive or a spreadsheet", remedy: "save it as CSV in UTF-8")),
  ]

  /// - Returns: nil for text that may be UTF-8.
  init?(_ bytes: ArraySlice<UInt8>) {
    if let known = Self.signatures.first(where: { bytes.starts(with: $0.bytes) }) {
      self = known.content
    } else if Self.alternatesWithZeros(bytes.prefix(64)) {
      self.init(name: "UTF-16 text", remedy: Self.convert)
    } else {
      return nil
    }
  }

  private init(name: String, remedy: String) {
    self.name = name
    self.remedy = remedy
  }

  /// Whether every second byte is zero, as in UTF-16 Latin text without a byte order mark.
  private static func alternatesWithZeros(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard bytes.count >= 8 else { return false }
    return [0, 1].contains { parity in
      bytes.enumerated().allSatisfy { ($0.offset % 2 == parity) == ($0.element == 0) }
    }
  }
}

extension DataLines {
  /// Why bytes are not UTF-8: the first invalid one, and its position.
  static func invalidText(_ bytes: some Sequence<UInt8>) -> String {
    let bytes = Array(bytes)
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var (characters, consumed) = (0, 0)
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      characters += 1
      consumed += UTF8.width(scalar)
    }
    let byte = consumed < bytes.count ? String(bytes[consumed], radix: 16, uppercase: true) : ""
    return "the text is not UTF-8 (byte 0x\(byte) after \(characters) characters). If the file is in Windows-1252 or "
      + "Latin-1, convert it: iconv -f WINDOWS-1252 -t UTF-8."
  }
}
