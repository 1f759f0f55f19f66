internal import AdapterHost
internal import Foundation

/// The terminal of a command, if there is one.
enum Terminal {
  /// Whether standard input is a terminal.
  static var isInteractive: Bool { isatty(STDIN_FILENO) == 1 }
  /// Whether standard output is a terminal.
  static var isOutput: Bool { isatty(STDOUT_FILENO) == 1 }
  /// Whether standard error is a terminal.
  static var showsMessages: Bool { isatty(STDERR_FILENO) == 1 }

  /// The width of standard output; 80 if it is not a terminal.
  static var width: Int { columns(of: STDOUT_FILENO) }

  /// The width for messages; 80 if standard error is not a terminal.
  static var messageWidth: Int { columns(of: STDERR_FILENO) }

  private static func columns(of descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Prints a message on standard error.
  static func note(_ text: String) { write(text.shortened.escaped + "\n", to: STDERR_FILENO) }

  /// Shows a progress message, replacing the previous one; ``clearStatus()`` removes it.
  static func showStatus(_ text: String) {
    write("\r\(text.onOneLine.cut(to: messageWidth - 1))\u{1B}[K", to: STDERR_FILENO)
  }

  static func clearStatus() { write("\r\u{1B}[K", to: STDERR_FILENO) }

  /// Writes a complete text; false if it cannot be written.
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

extension String {
  /// The text for a terminal: control characters as `\u{..}`, except line feeds and tabs; styles as escape sequences.
  var escaped: String {
    // Most lines have nothing to escape.
    if utf8.allSatisfy({ (0x20..<0x7F).contains($0) || $0 == 0x0A || $0 == 0x09 }) { return self }
    var text = ""
    for scalar in unicodeScalars {
      if let style = Style.sequence(of: scalar) {
        text += style
      } else if scalar.actsOnTerminals, scalar != "\n", scalar != "\t" {
        text += scalar.escaped(asASCII: true)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The message with the middle of overlong parts omitted.
  var shortened: String {
    let most = 4_000
    let scalars = unicodeScalars
    guard scalars.count > most else { return self }
    return String(scalars.prefix(most * 3 / 4)) + " … " + String(scalars.suffix(most / 4))
  }
}

extension Terminal {
  /// Prints warnings about configuration settings without an effect.
  static func tellWarnings(of model: DebertaV2AdapterModel) {
    for warning in model.warnings { note(warning) }
  }
}
