internal import Checkpoints
internal import Files
internal import Glibc

/// Reads the lines of a file on demand, decompressing gzip and xz.
///
/// Lines end in LF or CR LF, optional for the last one. A byte order mark at the start is skipped.
final class DataLines {
  struct Line {
    /// From 1.
    let number: Int
    /// Nil for a line longer than ``Limits/recordBytes``, which is skipped.
    let bytes: ArraySlice<UInt8>?

    var isBlank: Bool { bytes?.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) } ?? false }
  }

  private static let blockSize = 1 << 18

  let path: String
  private let bytes: InputBytes
  private var buffer: [UInt8] = []
  /// Where the next line begins, and where to continue looking for its end.
  private var start = 0
  private var scanned = 0
  private var number = 0
  /// The number of bytes skipped in a line that is too long.
  private var skipped = 0
  private var hasBegun = false
  private var hasEnded = false

  /// - Throws: ``DatasetError/unreadable(path:code:)``.
  init(path: String) throws(DatasetError) {
    self.path = path
    do { bytes = try InputBytes(path: path) } catch { throw DatasetError(error, path: path) }
  }

  /// The next line; nil at the end.
  ///
  /// - Throws: ``DatasetError/unreadable(path:code:)``, ``DatasetError/damaged(path:reason:)``, and
  ///   ``DatasetError/foreignContent(path:found:remedy:)`` if the file is not UTF-8 text.
  func next() throws(DatasetError) -> Line? {
    while true {
      if let end = lineEnd() { return line(to: end, next: end + 1) }
      scanned = buffer.count
      if scanned - start > Limits.recordBytes {
        skipped += scanned - start
        start = scanned
      }
      if hasEnded {
        return start < buffer.count || skipped > 0 ? line(to: buffer.count, next: buffer.count) : nil
      }
      try fill()
    }
  }

  private func lineEnd() -> Int? {
    buffer.withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress,
        let end = memchr(base + scanned, Int32(UInt8(ascii: "\n")), bytes.count - scanned)
      else { return nil }
      return UnsafeRawPointer(end) - base
    }
  }

  private func line(to end: Int, next: Int) -> Line {
    defer {
      start = next
      scanned = next
      skipped = 0
    }
    number += 1
    if skipped > 0 || end - start > Limits.recordBytes { return Line(number: number, bytes: nil) }
    var bytes = buffer[start..<end]
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    if number == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    return Line(number: number, bytes: bytes)
  }

  private func fill() throws(DatasetError) {
    guard skipped < Limits.endlessLineBytes else { throw .endlessLine(path: path, line: number + 1) }
    buffer.removeFirst(start)
    scanned -= start
    start = 0
    let new: [UInt8]
    do { new = try bytes.next(upTo: Self.blockSize) } catch { throw DatasetError(error, path: path) }
    buffer += new
    hasEnded = new.isEmpty
    if !hasBegun, let content = ForeignContent(buffer[...]) {
      throw .foreignContent(path: path, found: content.name, remedy: content.remedy)
    }
    hasBegun = true
  }
}
