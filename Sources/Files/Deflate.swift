internal import CCompression

/// What deflate compressed, as entries of a zip archive are.
public enum Deflate {
  /// Decompresses bytes and hands the pieces over.
  ///
  /// - Parameters:
  ///   - bytes: all of what is compressed, without the header that gzip has.
  ///   - path: where they come from, for messages.
  ///   - limit: the number of bytes that they must become.
  ///   - piece: is given the decompressed bytes, in order.
  /// - Throws: `FileError.unexpected`, if the data are damaged, or become more or fewer bytes; what `piece` throws.
  public static func expand(
    _ bytes: UnsafeRawBufferPointer, of path: String, to limit: Int, each piece: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw FileError.refused(.read, path: path, code: 12)
    }
    defer { inflateEnd(&stream) }
    let damaged = FileError.unexpected(path: path, reason: "is damaged: an entry cannot be decompressed")
    let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    defer { output.deallocate() }
    var rest = bytes
    var count = 0
    while true {
      if stream.avail_in == 0, !rest.isEmpty {
        let next = min(rest.count, 1 << 20)
        // zlib reads through this pointer and does not write.
        stream.next_in = UnsafeMutablePointer(
          mutating: rest.baseAddress.map { $0.assumingMemoryBound(to: UInt8.self) })
        stream.avail_in = UInt32(next)
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(next))
      }
      stream.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(output.count)
      let status = inflate(&stream, Z_NO_FLUSH)
      let made = output.count - Int(stream.avail_out)
      count += made
      guard count <= limit else {
        throw FileError.unexpected(path: path, reason: "has an entry that is larger than its header says")
      }
      try piece(UnsafeRawBufferPointer(rebasing: output.prefix(made)))
      switch status {
      case Z_STREAM_END:
        guard count == limit, stream.avail_in == 0, rest.isEmpty else { throw damaged }
        return
      case Z_OK: continue
      case Z_BUF_ERROR where made > 0 || !rest.isEmpty: continue
      default: throw damaged
      }
    }
  }
}

/// The CRC-32 of bytes, fed piece by piece.
public struct Checksum: Sendable {
  public private(set) var value: UInt32 = 0

  public init() {}

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    value = UInt32(
      truncatingIfNeeded: crc32_z(UInt(value), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count))
  }
}
