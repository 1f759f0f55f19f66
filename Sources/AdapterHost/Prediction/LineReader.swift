internal import Checkpoints
internal import Foundation

/// The lines of a file or of standard input, as they come.
///
/// Lines end in LF or CR LF; the last one needs no end. A byte order mark at
/// the start of the input is left out.
final class LineReader {
  struct Line {
    /// All of the line, or the start of one that is longer than ``Limits/lineBytes``, whose rest is skipped.
    let bytes: [UInt8]
    let isTooLong: Bool
  }

  private let descriptor: Int32
  private let isOwned: Bool
  private let path: String
  private var buffer: [UInt8] = []
  /// Where the next line begins, and up to where no line's end was found.
  private var start = 0
  private var scanned = 0
  private var hasEnded = false
  private var isAtStart = true
  /// The bytes skipped of a line that is too long, and how it starts.
  private var skipped = 0
  private var skippedStart: [UInt8] = []

  /// - Parameter path: a file; nil is standard input.
  /// - Throws: `InputFileError`.
  init(path: String?) throws(InputFileError) {
    self.path = path ?? "standard input"
    isOwned = path != nil
    descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
    guard descriptor >= 0 else { throw InputFileError(path: self.path, reason: .system(errno)) }
  }

  deinit { if isOwned { close(descriptor) } }

  /// The next line, awaited; nil at the end.
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

  /// Whether there is a next line that need not be awaited.
  func hasLine() throws(InputFileError) -> Bool {
    while true {
      if lineEnd() != nil { return true }
      if hasEnded { return start < buffer.count || skipped > 0 }
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 0) > 0 else { return false }
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

  /// Reads what there is, and waits if there is nothing.
  private func fill() throws(InputFileError) {
    guard skipped < Limits.endlessLineBytes else { throw InputFileError(path: path, reason: .endlessLine) }
    buffer.removeFirst(start)
    scanned -= start
    start = 0
    let size = 1 << 18
    var result = 0
    var code: Int32 = 0
    buffer += [UInt8](unsafeUninitializedCapacity: size) { block, count in
      repeat { result = read(descriptor, block.baseAddress, size) } while result < 0 && errno == EINTR
      code = errno
      count = max(result, 0)
    }
    if result < 0 { throw InputFileError(path: path, reason: .system(code)) }
    if result == 0 { hasEnded = true }
  }
}

/// Why texts cannot be read from a file.
public struct InputFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Reason: Hashable, Sendable {
    /// The system's error number.
    case system(Int32)
    /// No line ends within `Limits.endlessLineBytes`.
    case endlessLine
  }

  public let path: String
  public let reason: Reason

  public var description: String {
    switch reason {
    case .system(let code): "\(path): texts cannot be read from it (\(String(cString: strerror(code))))."
    case .endlessLine:
      "\(path): no line ends within \(Limits.endlessLineBytes) bytes; expected a text, or a JSON object, on each line."
    }
  }
}
