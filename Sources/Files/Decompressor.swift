internal import CCompression

/// Decompresses a stream of bytes.
protocol Decompressor: AnyObject {
  /// Whether all input has been consumed.
  var needsInput: Bool { get }
  /// Whether the compressed data have ended.
  var isAtEnd: Bool { get }

  /// Supplies more compressed bytes, once all input has been consumed.
  func feed(_ bytes: [UInt8])

  /// The next bytes; empty if more input is needed, and at the end.
  ///
  /// - Parameter isOver: whether there is no more input.
  /// - Throws: `FileError.unexpected`, if the data are corrupt.
  func next(upTo limit: Int, isOver: Bool) throws(FileError) -> [UInt8]
}

/// Compressed bytes at a stable address, as C libraries require.
private final class FedBytes {
  private(set) var pointer: UnsafeMutableBufferPointer<UInt8> = .init(start: nil, count: 0)

  deinit { pointer.deallocate() }

  func replace(with bytes: [UInt8]) {
    pointer.deallocate()
    pointer = .allocate(capacity: bytes.count)
    _ = pointer.initialize(from: bytes)
  }
}

/// Concatenated gzip members, read like `gzip -d`.
final class Gzip: Decompressor {
  private let path: String
  /// At a stable address, because zlib keeps a pointer to it.
  private let stream: UnsafeMutablePointer<z_stream>
  private let input = FedBytes()
  /// Whether a member has ended and the next one has not begun.
  private var isBetweenMembers = false
  private(set) var isAtEnd = false

  init(_ path: String) throws(FileError) {
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    // The window bits, plus 16 for the gzip header.
    guard inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw .refused(.read, path: path, code: 12)
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  var needsInput: Bool { stream.pointee.avail_in == 0 }

  func feed(_ bytes: [UInt8]) {
    input.replace(with: bytes)
    stream.pointee.next_in = input.pointer.baseAddress
    stream.pointee.avail_in = UInt32(bytes.count)
  }

  func next(upTo limit: Int, isOver: Bool) throws(FileError) -> [UInt8] {
    if isBetweenMembers {
      // The rest of a block may be padded with zeros.
      while stream.pointee.avail_in > 0, stream.pointee.next_in.pointee == 0 {
        stream.pointee.next_in += 1
        stream.pointee.avail_in -= 1
      }
      isAtEnd = isOver && stream.pointee.avail_in == 0
      guard stream.pointee.avail_in > 0 else { return [] }
      inflateReset(stream)
      isBetweenMembers = false
    }
    var status = Z_OK
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { block, count in
      stream.pointee.next_out = block.baseAddress
      stream.pointee.avail_out = UInt32(limit)
      status = inflate(stream, Z_NO_FLUSH)
      count = limit - Int(stream.pointee.avail_out)
    }
    switch status {
    case Z_OK, Z_BUF_ERROR: break
    case Z_STREAM_END: isBetweenMembers = true
    default: throw .unexpected(path: path, reason: "is damaged: its gzip data cannot be decompressed")
    }
    return bytes
  }
}

/// The streams of an xz file.
final class XZ: Decompressor {
  /// The decoder's memory limit: enough for `xz -9`, with some headroom.
  private static let memoryLimit: UInt64 = 256 << 20
  /// `LZMA_CONCATENATED`, a macro that Swift does not import.
  private static let concatenated: UInt32 = 8

  private let path: String
  private let stream: UnsafeMutablePointer<lzma_stream>
  private let input = FedBytes()
  private(set) var isAtEnd = false

  init(_ path: String) throws(FileError) {
    self.path = path
    stream = .allocate(capacity: 1)
    stream.initialize(to: lzma_stream())
    guard lzma_stream_decoder(stream, Self.memoryLimit, Self.concatenated) == LZMA_OK else {
      throw .refused(.read, path: path, code: 12)
    }
  }

  deinit {
    lzma_end(stream)
    stream.deallocate()
  }

  var needsInput: Bool { stream.pointee.avail_in == 0 }

  func feed(_ bytes: [UInt8]) {
    input.replace(with: bytes)
    stream.pointee.next_in = UnsafePointer(input.pointer.baseAddress)
    stream.pointee.avail_in = bytes.count
  }

  func next(upTo limit: Int, isOver: Bool) throws(FileError) -> [UInt8] {
    var status = LZMA_OK
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { block, count in
      stream.pointee.next_out = block.baseAddress
      stream.pointee.avail_out = limit
      status = lzma_code(stream, isOver ? LZMA_FINISH : LZMA_RUN)
      count = limit - stream.pointee.avail_out
    }
    switch status {
    case LZMA_OK, LZMA_BUF_ERROR: break
    case LZMA_STREAM_END: isAtEnd = true
    case LZMA_MEMLIMIT_ERROR:
      throw .unexpected(path: path, reason: "needs more than \(Self.memoryLimit >> 20) MB of memory to be decompressed")
    default: throw .unexpected(path: path, reason: "is damaged: its xz data cannot be decompressed")
    }
    return bytes
  }
}
