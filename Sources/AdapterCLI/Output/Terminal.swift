internal import Foundation

/// The terminal that a command talks to, if there is one.
enum Terminal {
  /// Whether standard input is typed by a person.
  static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }
  /// Whether standard output is read by a person.
  static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Whether messages are read by a person at once.
  static var showsMessages: Bool { isatty(STDERR_FILENO) == 1 }

  /// Columns; 80 where there is no terminal.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Columns for messages; 80 where there is no terminal.
  static var messageWidth: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes a line for people, apart from the output.
  static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes all of a text; false if it cannot be written.
  @discardableResult
  static func write(_ text: some StringProtocol, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { return false }
    }
    return true
  }
}
