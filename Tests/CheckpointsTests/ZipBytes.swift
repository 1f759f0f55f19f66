/// One entry of an archive, with headers that may lie.
struct ZipEntry {
  var name: String
  var content: [UInt8]
  var flags: UInt16 = 0
  var method: UInt16 = 0
  var checksum: UInt32 = 0
  /// What the local header says, where it differs.
  var localName: String?
  var localFlags: UInt16?
  var localMethod: UInt16?
  var localSize: UInt32?
  /// What the central header says, where it differs.
  var size: UInt32?
  var compressedSize: UInt32?
  var offset: UInt32?
  var centralExtra: [UInt8] = []
  var localExtra: [UInt8] = []
  var descriptor: [UInt8] = []

  init(_ name: String, _ content: [UInt8]) {
    self.name = name
    self.content = content
  }

  func local() -> [UInt8] {
    let name = Array((localName ?? self.name).utf8)
    let size = localSize ?? UInt32(content.count)
    return bytes(UInt32(0x0403_4B50)) + bytes(UInt16(20)) + bytes(localFlags ?? flags)
      + bytes(localMethod ?? method) + bytes(UInt32(0)) + bytes(checksum) + bytes(size) + bytes(size)
      + bytes(UInt16(name.count)) + bytes(UInt16(localExtra.count)) + name + localExtra + content + descriptor
  }

  func central(at offset: Int) -> [UInt8] {
    let name = Array(self.name.utf8)
    let size = self.size ?? UInt32(content.count)
    return bytes(UInt32(0x0201_4B50)) + bytes(UInt16(20)) + bytes(UInt16(20)) + bytes(flags) + bytes(method)
      + bytes(UInt32(0)) + bytes(checksum) + bytes(compressedSize ?? size) + bytes(size)
      + bytes(UInt16(name.count)) + bytes(UInt16(centralExtra.count)) + bytes(UInt16(0)) + bytes(UInt16(0))
      + bytes(UInt16(0)) + bytes(UInt32(0)) + bytes(self.offset ?? UInt32(offset)) + name + centralExtra
  }
}

/// The end records of an archive, with fields that may lie.
struct ZipEnd {
  var count: UInt16?
  var size: UInt32?
  var offset: UInt32?
  /// Writes zip64 records with these differences to the truth.
  var zip64: (count: Int64, size: Int64, offset: Int64, record: Int64)?
  var comment: [UInt8] = []

  func bytes(count: Int, size: Int, offset: Int) -> [UInt8] {
    func le<T: FixedWidthInteger>(_ value: T) -> [UInt8] { CheckpointsTests.bytes(value) }
    var end: [UInt8] = []
    if let zip64 {
      let entries = Int64(count) + zip64.count
      end += le(UInt32(0x0606_4B50)) + le(UInt64(44)) + le(UInt16(45)) + le(UInt16(45)) + le(UInt32(0)) + le(UInt32(0))
      end += le(entries) + le(entries) + le(Int64(size) + zip64.size) + le(Int64(offset) + zip64.offset)
      end += le(UInt32(0x0706_4B50)) + le(UInt32(0)) + le(Int64(offset + size) + zip64.record) + le(UInt32(1))
    }
    let entries = self.count ?? UInt16(count)
    end += le(UInt32(0x0605_4B50)) + le(UInt16(0)) + le(UInt16(0)) + le(entries) + le(entries)
    return end + le(self.size ?? UInt32(size)) + le(self.offset ?? UInt32(offset)) + le(UInt16(comment.count)) + comment
  }
}

/// An archive of the entries.
func zip(_ entries: [ZipEntry], end: ZipEnd = ZipEnd()) -> [UInt8] {
  var file: [UInt8] = []
  var directory: [UInt8] = []
  for entry in entries {
    directory += entry.central(at: file.count)
    file += entry.local()
  }
  return file + directory + end.bytes(count: entries.count, size: directory.count, offset: file.count)
}
