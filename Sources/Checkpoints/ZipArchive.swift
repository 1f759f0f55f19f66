/// The entries of a zip archive.
///
/// An archive whose entries are only stored is a folder inside a file: an entry
/// is a range of bytes. Whatever else zip allows is refused: encryption, names
/// that leave the archive, entries that share bytes, headers that contradict
/// each other; of PyTorch's files compression and comments, too. Checksums are
/// left to the caller, because `torch.save` can be set to leave them out.
/// Layout: PKWARE APPNOTE.TXT 6.3.10, section 4.3.
public struct ZipArchive {
  /// Who wrote an archive.
  public enum Writer: Sendable {
    /// PyTorch, which compresses nothing.
    case pyTorch
    /// Any program: entries may be deflated, and a comment may follow.
    case any
  }

  /// An entry.
  public struct Member: Hashable, Sendable {
    /// A path; one that ends with a slash is a folder.
    public let name: String
    /// Where its bytes lie in the file, compressed if they are.
    public let content: Range<Int>
    /// Its size when it is not compressed.
    public let size: Int
    /// The CRC-32 of what is not compressed.
    public let checksum: UInt32
    public let isDeflated: Bool
    /// The type bits of the mode that a Unix gave it; 0 if none did.
    public let fileType: UInt32
  }

  /// The entries, in the order of the directory.
  public let members: [Member]

  /// Where each entry's content lies in the file, by name.
  var entries: [String: Range<Int>] {
    Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.content) })
  }

  /// - Throws: ``CheckpointError/zip(_:file:)`` and
  ///   ``CheckpointError/overLimit(_:found:limit:file:)``.
  public init(_ file: MappedFile, writtenBy writer: Writer = .pyTorch) throws(CheckpointError) {
    let directory = try ZipDirectory(of: file, allowsComment: writer == .any)
    guard directory.entryCount <= Limits.zipEntries else {
      throw .overLimit(.zipEntries, found: directory.entryCount, limit: Limits.zipEntries, file: file.path)
    }

    var located: [(header: ZipEntryHeader, extent: ZipExtent)] = []
    var names: Set<String> = []
    var members: [Member] = []
    var position = directory.range.lowerBound
    for index in 0..<directory.entryCount {
      let header = try ZipEntryHeader(
        index, at: &position, in: directory.range, of: file, mayBeDeflated: writer == .any)
      let extent = try header.locate(in: file, before: directory.range.lowerBound)
      guard names.insert(header.name).inserted else {
        throw .zip(.duplicateName(header.name), file: file.path)
      }
      members.append(header.member(at: extent.content))
      located.append((header, extent))
    }
    guard position == directory.range.upperBound else {
      throw .zip(.directoryDisagrees(field: "the length of the directory"), file: file.path)
    }

    located.sort { $0.extent.whole.lowerBound < $1.extent.whole.lowerBound }
    for (first, second) in zip(located, located.dropFirst())
    where first.extent.whole.upperBound > second.extent.whole.lowerBound {
      throw .zip(.overlap(first.header.name, second.header.name), file: file.path)
    }
    self.members = members
  }
}

/// An entry's bytes: its content, and its whole extent.
struct ZipExtent {
  let content: Range<Int>
  /// From the local header to the end of the data descriptor, if any.
  let whole: Range<Int>
}

/// The end records of an archive, with the location of the central directory.
private struct ZipDirectory {
  let range: Range<Int>
  let entryCount: Int

  /// Reads the end record, which must be the last 22 bytes but for a comment
  /// that is allowed, and the zip64 record and locator before it, which must
  /// agree with it.
  init(of file: MappedFile, allowsComment: Bool) throws(CheckpointError) {
    let last = file.count - 22
    let candidates = (allowsComment ? max(0, last - 0xFFFF) : max(0, last))..<max(0, last + 1)
    let found = candidates.last { end in
      file.load(UInt32.self, at: end) == 0x0605_4B50 && Int(file.load(UInt16.self, at: end + 20)) == last - end
    }
    guard let end = found else {
      throw .zip(.noDirectory, file: file.path)
    }
    func disagrees(_ field: String) -> CheckpointError { .zip(.directoryDisagrees(field: field), file: file.path) }

    guard file.load(UInt32.self, at: end + 4) == 0 else { throw disagrees("the number of disks") }
    guard file.load(UInt16.self, at: end + 8) == file.load(UInt16.self, at: end + 10) else {
      throw disagrees("the number of entries")
    }
    var count = UInt64(file.load(UInt16.self, at: end + 10))
    var size = UInt64(file.load(UInt32.self, at: end + 12))
    var offset = UInt64(file.load(UInt32.self, at: end + 16))
    var limit = end

    if end >= 20, file.load(UInt32.self, at: end - 20) == 0x0706_4B50 {
      let locator = end - 20
      let record = locator - 56
      guard record >= 0, file.load(UInt64.self, at: locator + 8) == UInt64(record),
        file.load(UInt32.self, at: record) == 0x0606_4B50, file.load(UInt64.self, at: record + 4) == 44
      else { throw disagrees("the place of the zip64 record") }
      guard file.load(UInt32.self, at: locator + 4) == 0, file.load(UInt32.self, at: locator + 16) <= 1,
        file.load(UInt64.self, at: record + 16) == 0
      else { throw disagrees("the number of disks") }
      guard file.load(UInt64.self, at: record + 24) == file.load(UInt64.self, at: record + 32),
        agree(&count, file.load(UInt64.self, at: record + 32), unlessSaturated: 0xFFFF)
      else { throw disagrees("the number of entries") }
      guard agree(&size, file.load(UInt64.self, at: record + 40), unlessSaturated: 0xFFFF_FFFF) else {
        throw disagrees("the size of the directory")
      }
      guard agree(&offset, file.load(UInt64.self, at: record + 48), unlessSaturated: 0xFFFF_FFFF) else {
        throw disagrees("the place of the directory")
      }
      limit = record
    }
    // The directory ends where the end records begin.
    guard offset <= UInt64(limit), size == UInt64(limit) - offset else { throw disagrees("the place of the directory") }
    range = Int(offset)..<limit
    // An entry takes at least 46 bytes, so a larger count is invalid.
    guard count <= size / 46 else { throw disagrees("the number of entries") }
    entryCount = Int(count)
  }
}

/// Replaces a saturated field by its wide value; otherwise they must be equal.
private func agree(_ narrow: inout UInt64, _ wide: UInt64, unlessSaturated most: UInt64) -> Bool {
  if narrow == most { narrow = wide }
  return narrow == wide
}
