internal import Checkpoints
internal import Files
internal import Foundation

/// Reads the lines of a file or of standard input as they arrive, decompressing gzip and xz.
///
/// Lines end in LF or CR LF, optional for the last one. A byte order mark at the start is skipped.
final class LineReader {
  struct Line {
    /// The line, or the start of one longer than ``Limits/lineBytes``, whose rest is skipped.
    let bytes: [UInt8]
    let isTooLong: Bool
  }

  private let input: InputBytes
  private let path: String
  private var buffer: [UInt8] = []
  /// Where the next line begins, and where to continue looking for its end.
  private var start = 0
  private var scanned = 0
  private var hasEnded = false
  private var isAtStart = true
  /// The number of bytes skipped in a line that is too long, and its start.
  private var skipped = 0
  private var skippedStart: [UInt8] = []

  /// - Parameter path: a file; nil is standard input.
  /// - Throws: `InputFileError`.
  init(path: String?) throws(InputFileError) {
    self.path = path ?? "standard input"
    do { input = try InputBytes(path: path) } catch { throw InputFileError(error, path: self.path) }
  }

  /// The next line, waiting for it; nil at the end.
  func next() throws(InputFileError) -> Line? {
    while true {
      if let end = lineEnd() { return line(to: end, next: end + 1) }
      if hasEnded {
        guard start < buffer.count || skipped > 0 else { return nil }
        return line(to: buffer.count, next: buffer.count)
      }
      try fill()
    }
  }

  /// Whether the next line is available without waiting.
  func hasLine() throws(InputFileError) -> Bool {
    while true {
      if lineEnd() != nil { return true }
      if hasEnded { return start < buffer.count || skipped > 0 }
      guard input.isReady else { return false }
      try fill()
    }
  }

  private func lineEnd() -> Int? {
    let found = buffer.withUnsafeBytes { bytes -> Int? in
      guard let base = bytes.baseAddress,
        let end = memchr(base + scanned, Int32(UInt8(ascii: "\n")), bytes.count - scanned)
      else { return nil }
      return UnsafeRawPointer(end) - base
    }
    scanned = found ?? buffer.count
    if found == nil, scanned - start > Limits.lineBytes {
      if skipped == 0 { skippedStart = Array(buffer[start...].prefix(1 << 10)) }
      skipped += scanned - start
      start = scanned
    }
    return found
  }

  private func line(to end: Int, next: Int) -> Line {
    defer {
      start = next
      scanned = next
      isAtStart = false
      skipped = 0
    }
    let isTooLong = skipped > 0 || end - start > Limits.lineBytes
    var bytes = skipped > 0 ? skippedStart[...] : isTooLong ? buffer[start...].prefix(1 << 10) : buffer[start..<end]
    if !isTooLong, bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    if isAtStart, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    return Line(bytes: Array(bytes), isTooLong: isTooLong)
  }

  /// Reads available bytes, waiting if there are none.
  private func fill() throws(InputFileError) {
    guard skipped < Limits.endlessLineBytes else { throw InputFileError(path: path, reason: .endlessLine) }
    buffer.removeFirst(start)
    scanned -= start
    start = 0
    let new: [UInt8]
    do { new = try input.next(upTo: 1 << 18) } catch { throw InputFileError(error, path: path) }
    buffer += new
    hasEnded = new.isEmpty
  }
}

/// Why texts cannot be read from a file.
public struct InputFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    /// The system's error number.
    case system(Int32)
    /// The compressed data are corrupt; the reason ends a sentence about the file.
    case damaged(String)
    /// No line ends within `Limits.endlessLineBytes`.
    case endlessLine
  }

  public let path: String
  public let reason: Reason

  public var description: String {
    switch reason {
    case .system(let code): "\(path): texts cannot be read from it (\(String(cString: strerror(code))))."
    case .damaged(let reason): "\(path): texts cannot be read from it: the file \(reason)."
    case .endlessLine:
      "\(path): no line ends within \(Limits.endlessLineBytes) bytes; expected a text, or a JSON object, on each line."
    }
  }
}

extension InputFileError {
  /// Why a file cannot be read.
  init(_ error: FileError, path: String) {
    switch error {
    case .refused(_, _, let code): self.init(path: path, reason: .system(code))
    case .unexpected(_, let reason): self.init(path: path, reason: .damaged(reason))
    }
  }
}
