import Glibc

/// The bytes of a file, a pipe or standard input, in order.
///
/// Files that start with a gzip or xz signature are decompressed, whatever their names.
public final class InputBytes {
  private let path: String
  private let descriptor: Int32
  private let isOwned: Bool
  private let decompressor: (any Decompressor)?

  /// - Parameter path: a file or a pipe; nil is standard input.
  /// - Throws: `FileError`.
  public init(path: String?) throws(FileError) {
    self.path = path ?? "standard input"
    isOwned = path != nil
    descriptor = if let path { try FileSystem.opened(path, O_RDONLY, .read) } else { STDIN_FILENO }
    do throws(FileError) {
      decompressor =
        switch Compression(ofFile: descriptor) {
        case .gzip: try Gzip(self.path)
        case .xz: try XZ(self.path)
        case nil: nil
        }
    } catch {
      if isOwned { close(descriptor) }
      throw error
    }
  }

  deinit { if isOwned { close(descriptor) } }

  /// The next bytes, up to a limit, waiting until there are some; empty at the end.
  ///
  /// - Throws: `FileError`; `.unexpected`, if compressed data are corrupt or truncated.
  public func next(upTo limit: Int) throws(FileError) -> [UInt8] {
    guard let decompressor else { return try read(upTo: limit) }
    while !decompressor.isAtEnd {
      let isOver: Bool
      if decompressor.needsInput {
        let bytes = try read(upTo: limit)
        isOver = bytes.isEmpty
        decompressor.feed(bytes)
      } else {
        isOver = false
      }
      let bytes = try decompressor.next(upTo: limit, isOver: isOver)
      if !bytes.isEmpty { return bytes }
      if isOver, !decompressor.isAtEnd {
        throw .unexpected(path: path, reason: "is damaged: its compressed data end early")
      }
    }
    return []
  }

  /// Whether ``next(upTo:)`` can return without waiting.
  public var isReady: Bool {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&request, 1, 0) > 0
  }

  private func read(upTo limit: Int) throws(FileError) -> [UInt8] {
    var (result, code) = (0, Int32(0))
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { block, count in
      repeat { result = Glibc.read(descriptor, block.baseAddress, limit) } while result < 0 && errno == EINTR
      code = errno
      count = max(result, 0)
    }
    if result < 0 { throw .refused(.read, path: path, code: code) }
    return bytes
  }
}

/// A compression format.
public enum Compression: String, Sendable, CaseIterable {
  case gzip = "gz"
  case xz

  /// Detected from the first bytes; nil for data that are not compressed, or cannot be read twice, such as a pipe.
  init?(ofFile descriptor: Int32) {
    var bytes = [UInt8](repeating: 0, count: 6)
    let count = pread(descriptor, &bytes, bytes.count, max(lseek(descriptor, 0, SEEK_CUR), 0))
    if count >= 2, bytes.starts(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if count == 6, bytes == [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00] {
      self = .xz
    } else {
      return nil
    }
  }
}

extension FilePaths {
  /// The extension that describes a file's content, in lower case: `csv` for `a.csv` and `a.CSV.gz`; nil without one.
  public static func contentExtension(of path: String) -> String? {
    var parts = lastPart(of: path).split(separator: ".", omittingEmptySubsequences: false).dropFirst()
    if let last = parts.last, Compression(rawValue: last.lowercased()) != nil, parts.count > 1 { parts.removeLast() }
    return parts.last?.lowercased()
  }
}
