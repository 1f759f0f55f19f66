internal import Foundation

/// Emphasis for people: on a terminal that shows it, unless NO_COLOR is set.
enum Style: String {
  case bold = "1"
  case red = "31"
  case green = "32"
  case faint = "2"

  /// The text in this style, or as it is where no terminal shows it.
  func callAsFunction(_ text: String) -> String {
    Self.isShown ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
  }

  /// Source: https://no-color.org — any value but an empty one turns colours off.
  private static let isShown: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return Terminal.isOutput && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }()
}

/// Prints a table, its titles emphasised.
func printTable(_ table: Table) {
  for (index, line) in table.rendered(width: Terminal.width).enumerated() {
    print(index == 0 ? Style.bold(line) : line)
  }
}
