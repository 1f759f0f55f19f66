internal import Files

/// Reads the entries of a tar archive in order: POSIX ustar and pax, and GNU's long names.
struct TarReader {
  struct Entry {
    enum Kind { case file, folder }

    let name: String
    let kind: Kind
    let size: Int
  }

  private let input: InputBytes
  private let refused: (String) -> HubError
  private var buffer: [UInt8] = []
  /// The next byte of the buffer.
  private var position = 0
  private static let block = 512
  private static let extensionLimit = 1 << 20

  init(_ path: String, _ refused: @escaping (String) -> HubError) throws {
    input = try InputBytes(path: path)
    self.refused = refused
  }

  /// The next file or folder; nil at the end.
  mutating func next() throws -> Entry? {
    var (longName, extended): (String?, [String: String]) = (nil, [:])
    while true {
      let header = try read(Self.block, orEnd: true)
      guard !header.isEmpty, header.contains(where: { $0 != 0 }) else { return nil }
      try check(header)
      let size = try extended["size"].map { Int($0) ?? -1 } ?? number(header[124..<136])
      guard size >= 0 else { throw refused("an entry has no size") }
      switch header[156] {
      case UInt8(ascii: "x"):
        extended.merge(try records(size)) { $1 }
      case UInt8(ascii: "g"): _ = try records(size)
      case UInt8(ascii: "L"): longName = text(try extensionBytes(size)[...])
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "5"):
        let name = extended["path"] ?? longName ?? headerName(header)
        let isFolder = header[156] == UInt8(ascii: "5") || name.hasSuffix("/")
        return Entry(name: name, kind: isFolder ? .folder : .file, size: isFolder ? 0 : size)
      case UInt8(ascii: "1"), UInt8(ascii: "2"), UInt8(ascii: "K"):
        throw refused("'\(extended["path"] ?? longName ?? headerName(header))' is a link")
      default: throw refused("'\(headerName(header))' is neither a file nor a folder")
      }
    }
  }

  /// Hands over the content of the entry that was read last.
  mutating func content(of entry: Entry, each piece: (ArraySlice<UInt8>) throws -> Void) throws {
    var left = entry.size
    while left > 0 {
      if position == buffer.count { try fill() }
      guard position < buffer.count else { throw refused("it ends in the middle of '\(entry.name)'") }
      let taken = min(left, buffer.count - position)
      try piece(buffer[position..<position + taken])
      position += taken
      left -= taken
    }
    _ = try read((Self.block - entry.size % Self.block) % Self.block)
  }

  // MARK: Headers

  private func check(_ header: [UInt8]) throws {
    var sum = 0
    for (index, byte) in header.enumerated() { sum += (148..<156).contains(index) ? 32 : Int(byte) }
    guard try number(header[148..<156]) == sum else {
      throw refused("it is neither a zip nor a tar archive, or it is damaged")
    }
  }

  private func headerName(_ header: [UInt8]) -> String {
    let isPosix = header[257..<263].elementsEqual("ustar\0".utf8)
    let prefix = isPosix ? text(header[345..<500]) : ""
    return (prefix.isEmpty ? "" : prefix + "/") + text(header[0..<100])
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

  /// An octal number, or GNU's binary one.
  private func number(_ bytes: ArraySlice<UInt8>) throws -> Int {
    if bytes.first == 0x80 { return bytes.dropFirst().suffix(8).reduce(0) { $0 << 8 | Int($1) } }
    let digits = text(bytes).filter { $0 != " " }
    guard let value = digits.isEmpty ? 0 : Int(digits, radix: 8) else {
      throw refused("it is neither a zip nor a tar archive, or it is damaged")
    }
    return value
  }

  /// The records of a pax header: `LENGTH KEY=VALUE\n`.
  private mutating func records(_ size: Int) throws -> [String: String] {
    var rest = try extensionBytes(size)[...]
    var records: [String: String] = [:]
    while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
      guard let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length > space - rest.startIndex + 1,
        length <= rest.count
      else { throw refused("a header of an entry is damaged") }
      let record = String(decoding: rest[(space + 1)..<(rest.startIndex + length - 1)], as: UTF8.self)
      let sign = record.firstIndex(of: "=") ?? record.endIndex
      records[String(record[..<sign])] = String(record[sign...].dropFirst())
      rest = rest.dropFirst(length)
    }
    return records
  }

  private mutating func extensionBytes(_ size: Int) throws -> [UInt8] {
    guard size <= Self.extensionLimit else { throw refused("a header of an entry has \(size) bytes") }
    let bytes = try read(size)
    _ = try read((Self.block - size % Self.block) % Self.block)
    return bytes
  }

  // MARK: Bytes

  private mutating func fill() throws {
    buffer = try input.next(upTo: 1 << 18)
    position = 0
  }

  /// The next bytes, exactly so many; none at the end, if that may be there.
  private mutating func read(_ count: Int, orEnd: Bool = false) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      if position == buffer.count { try fill() }
      guard position < buffer.count else {
        if orEnd, bytes.isEmpty { return [] }
        throw refused("it ends early")
      }
      let taken = min(count - bytes.count, buffer.count - position)
      bytes += buffer[position..<position + taken]
      position += taken
    }
    return bytes
  }
}
