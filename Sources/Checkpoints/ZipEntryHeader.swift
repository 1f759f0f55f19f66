/// An entry's header in the central directory.
struct ZipEntryHeader {
  let name: String
  private let flags: UInt16
  private let method: UInt16
  private let checksum: UInt32
  /// In the archive, and when it is not compressed.
  private let storedSize, size: UInt64
  private let offset: UInt64
  private let fileType: UInt32

  private static let hasDescriptor: UInt16 = 1 << 3
  private static let isUTF8: UInt16 = 1 << 11
  private static let encryption: UInt16 = 1 | 1 << 6 | 1 << 13
  /// How hard the writer tried, which says nothing to a reader.
  private static let effort: UInt16 = 1 << 1 | 1 << 2
  private static let deflate: UInt16 = 8

  /// Reads the header at `position` and advances past it.
  ///
  /// - Throws: ``CheckpointError/zip(_:file:)`` if it is malformed, leaves `directory`, or describes an entry that is
  ///   neither stored nor deflated.
  init(
    _ index: Int, at position: inout Int, in directory: Range<Int>, of file: MappedFile, mayBeDeflated: Bool
  ) throws(CheckpointError) {
    let start = position
    guard directory.upperBound - start >= 46, file.load(UInt32.self, at: start) == 0x0201_4B50 else {
      throw .zip(.directoryDisagrees(field: "the number of entries"), file: file.path)
    }
    func narrow(_ offset: Int) -> UInt16 { file.load(UInt16.self, at: start + offset) }
    func wide(_ offset: Int) -> UInt64 { UInt64(file.load(UInt32.self, at: start + offset)) }

    let nameEnd = start + 46 + Int(narrow(28))
    let extraEnd = nameEnd + Int(narrow(30))
    let commentEnd = extraEnd + Int(narrow(32))
    guard commentEnd <= directory.upperBound else {
      throw .zip(.directoryDisagrees(field: "the length of the directory"), file: file.path)
    }
    guard let name = file.text(start + 46..<nameEnd) else {
      throw .zip(.nameNotUTF8(entry: index), file: file.path)
    }
    guard isInside(name) else { throw .zip(.escapingName(name), file: file.path) }
    let flags = narrow(8)
    guard flags & Self.encryption == 0 else { throw .zip(.encrypted(name), file: file.path) }
    let method = narrow(10)
    guard flags & ~(Self.hasDescriptor | Self.isUTF8 | (method == Self.deflate ? Self.effort : 0)) == 0 else {
      throw .zip(.unknownFlags(name, flags: Int(flags)), file: file.path)
    }
    guard method == 0 || mayBeDeflated && method == Self.deflate else {
      throw .zip(.compressed(name, method: Int(method)), file: file.path)
    }
    guard narrow(34) == 0 else { throw .zip(.headersDisagree(name, field: "the disk"), file: file.path) }

    // Saturated fields have their actual values in the zip64 extra field, in this order.
    let saturated = [wide(24), wide(20), wide(42)].map { $0 == 0xFFFF_FFFF }
    var values = [wide(24), wide(20), wide(42)]
    if saturated.contains(true) {
      let needed = saturated.count { $0 }
      guard let found = zip64Values(in: nameEnd..<extraEnd, of: file), found.count == needed else {
        throw .zip(.headersDisagree(name, field: "the zip64 field"), file: file.path)
      }
      var next = found.makeIterator()
      for (i, isSaturated) in saturated.enumerated() where isSaturated { values[i] = next.next() ?? 0 }
    }
    guard method != 0 || values[0] == values[1] else {
      throw .zip(.headersDisagree(name, field: "the size, though it is not compressed"), file: file.path)
    }
    self.name = name
    (self.flags, self.method) = (flags, method)
    checksum = file.load(UInt32.self, at: start + 16)
    (size, storedSize) = (values[0], values[1])
    offset = values[2]
    // Who made the entry: 3 is Unix, which keeps the mode in the upper half of the attributes.
    fileType = narrow(4) >> 8 == 3 ? UInt32(wide(38) >> 16) & 0xF000 : 0
    position = commentEnd
  }

  /// Follows the central header to the local one, which must match it.
  ///
  /// - Throws: ``CheckpointError/zip(_:file:)`` if the two differ or the entry does not end before `limit`.
  func locate(in file: MappedFile, before limit: Int) throws(CheckpointError) -> ZipExtent {
    guard offset <= UInt64(limit), UInt64(limit) - offset >= 30 else {
      throw .zip(.outsideFile(entry: name), file: file.path)
    }
    let start = Int(offset)
    func disagree(_ field: String) -> CheckpointError { .zip(.headersDisagree(name, field: field), file: file.path) }
    guard file.load(UInt32.self, at: start) == 0x0403_4B50 else { throw disagree("the place of the entry") }
    guard file.load(UInt16.self, at: start + 6) == flags else { throw disagree("the flags") }
    guard file.load(UInt16.self, at: start + 8) == method else { throw disagree("the compression method") }

    let nameEnd = start + 30 + Int(file.load(UInt16.self, at: start + 26))
    let contentStart = nameEnd + Int(file.load(UInt16.self, at: start + 28))
    guard contentStart <= limit, storedSize <= UInt64(limit - contentStart) else {
      throw .zip(.outsideFile(entry: name), file: file.path)
    }
    guard file.text(start + 30..<nameEnd) == name else { throw disagree("the name") }

    let content = contentStart..<contentStart + Int(storedSize)
    if flags & Self.hasDescriptor == 0 {
      try checkSizes(at: start, extra: nameEnd..<contentStart, in: file)
      return ZipExtent(content: content, whole: start..<content.upperBound)
    }
    return try ZipExtent(
      content: content, whole: start..<checkDescriptor(at: content.upperBound, before: limit, in: file))
  }

  /// Without a data descriptor, the local header repeats size and checksum.
  private func checkSizes(at start: Int, extra: Range<Int>, in file: MappedFile) throws(CheckpointError) {
    func disagree(_ field: String) -> CheckpointError { .zip(.headersDisagree(name, field: field), file: file.path) }
    guard file.load(UInt32.self, at: start + 14) == checksum else { throw disagree("the checksum") }
    var sizes = [18, 22].map { UInt64(file.load(UInt32.self, at: start + $0)) }
    let isWide = sizes == [0xFFFF_FFFF, 0xFFFF_FFFF]
    if isWide { sizes = zip64Values(in: extra, of: file) ?? [] }
    // The zip64 field has them the other way around.
    guard sizes == [storedSize, size] || isWide && sizes == [size, storedSize] else { throw disagree("the size") }
  }

  /// What the archive says about the entry, whose bytes lie at `content`.
  func member(at content: Range<Int>) -> ZipArchive.Member {
    ZipArchive.Member(
      name: name, content: content, size: Int(clamping: size), checksum: checksum, isDeflated: method == Self.deflate,
      fileType: fileType)
  }

  /// A data descriptor repeats checksum and sizes, in 4 or 8 bytes each.
  ///
  /// - Returns: its end.
  private func checkDescriptor(at start: Int, before limit: Int, in file: MappedFile) throws(CheckpointError) -> Int {
    guard limit - start >= 16, file.load(UInt32.self, at: start) == 0x0807_4B50,
      file.load(UInt32.self, at: start + 4) == checksum
    else { throw .zip(.headersDisagree(name, field: "the data descriptor"), file: file.path) }
    if limit - start >= 24, file.load(UInt64.self, at: start + 8) == storedSize,
      file.load(UInt64.self, at: start + 16) == size
    {
      return start + 24
    }
    guard UInt64(file.load(UInt32.self, at: start + 8)) == storedSize,
      UInt64(file.load(UInt32.self, at: start + 12)) == size
    else { throw .zip(.headersDisagree(name, field: "the size"), file: file.path) }
    return start + 16
  }
}

/// The 8-byte values of the zip64 extra field (identifier 1), or nil if there is none or the fields do not tile
/// `range`.
private func zip64Values(in range: Range<Int>, of file: MappedFile) -> [UInt64]? {
  var position = range.lowerBound
  var values: [UInt64]?
  while range.upperBound - position >= 4 {
    let identifier = file.load(UInt16.self, at: position)
    let end = position + 4 + Int(file.load(UInt16.self, at: position + 2))
    guard end <= range.upperBound else { return nil }
    if identifier == 1 {
      guard values == nil, (end - position - 4).isMultiple(of: 8) else { return nil }
      values = stride(from: position + 4, to: end, by: 8).map { file.load(UInt64.self, at: $0) }
    }
    position = end
  }
  return position == range.upperBound ? values : nil
}

/// Whether an entry name stays inside the archive when used as a path.
private func isInside(_ name: String) -> Bool {
  let parts = name.split(separator: "/", omittingEmptySubsequences: false)
  return !name.isEmpty && !name.hasPrefix("/") && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "\\") }
    && !parts.contains("..")
}
