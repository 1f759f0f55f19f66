internal import Foundation

/// The lines of a file or of standard input, as they come.
///
/// Lines end in LF or CR LF; the last one needs no end. A byte order mark at
/// the start of the input is left out.
final class LineReader {
  /// A line's bytes; nil for a line beyond ``limit``, which is passed over.
  typealias Line = [UInt8]?

  /// No line may be longer: 64 MB.
  static let limit = 64_000_000

  private let descriptor: Int32
  private let isOwned: Bool
  private let path: String
  private var buffer: [UInt8] = []
  /// Where the next line begins, and up to where no line's end was found.
  private var start = 0
  private var scanned = 0
  private var hasEnded = false
  private var isAtStart = true
  private var isPassingOver = false

  /// - Parameter path: a file; nil is standard input.
  /// - Throws: `InputFileError`.
  init(path: String?) throws(InputFileError) {
    self.path = path ?? "standard input"
    isOwned = path != nil
    descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC) } ?? STDIN_FILENO
    guard descriptor >= 0 else { throw InputFileError(path: self.path, code: errno) }
  }

  deinit { if isOwned { close(descriptor) } }

  /// The next line, awaited; nil at the end.
  func next() throws(InputFileError) -> Line? {
    while true {
      if let end = lineEnd() { return line(to: end, next: end + 1) }
      if hasEnded {
        guard start < buffer.count || isPassingOver else { return nil }
        return line(to: buffer.count, next: buffer.count)
      }
      try fill()
    }
  }

  /// Whether there is a next line that need not be awaited.
  func hasLine() throws(InputFileError) -> Bool {
    while true {
      if lineEnd() != nil { return true }
      if hasEnded { return start < buffer.count || isPassingOver }
      var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&request, 1, 0) > 0 else { return false }
      try fill()
    }
  }

  private func lineEnd() -> Int? {
    let found = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n"))
    scanned = found ?? buffer.count
    if found == nil, scanned - start > Self.limit {
      isPassingOver = true
      start = scanned
    }
    return found
  }

  private func line(to end: Int, next: Int) -> Line {
    defer {
      start = next
      scanned = next
      isAtStart = false
      isPassingOver = false
    }
    if isPassingOver || end - start > Self.limit { return .none }
    var bytes = buffer[start..<end]
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    if isAtStart, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    return Array(bytes)
  }

  /// Reads what there is, and waits if there is nothing.
  private func fill() throws(InputFileError) {
    buffer.removeFirst(start)
    scanned -= start
    start = 0
    let size = 1 << 16
    let count = buffer.count
    var result = 0
    buffer.append(contentsOf: repeatElement(0, count: size))
    repeat {
      result = buffer.withUnsafeMutableBytes { bytes in
        read(descriptor, bytes.baseAddress.map { $0 + count }, size)
      }
    } while result < 0 && errno == EINTR
    let code = errno
    buffer.removeLast(size - max(result, 0))
    if result < 0 { throw InputFileError(path: path, code: code) }
    if result == 0 { hasEnded = true }
  }
}

/// Why texts cannot be read from a file.
public struct InputFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  /// The system's error number.
  public let code: Int32

  public var description: String { "\(path): texts cannot be read from it (\(String(cString: strerror(code))))." }
}
