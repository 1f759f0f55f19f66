internal import Foundation

/// Text styles, shown on terminals that support them, unless NO_COLOR is set.
///
/// A style is represented by a noncharacter, which `print` replaces with the terminal's escape sequence. `onOneLine`
/// escapes noncharacters in external text.
enum Style: UInt32 {
  case plain = 0xFDD0
  case bold, faint, red, green

  /// The text in this style, or unchanged if styles are not shown.
  func callAsFunction(_ text: String) -> String {
    Self.isShown ? mark + text + Self.plain.mark : text
  }

  private var mark: String { Unicode.Scalar(rawValue).map { String($0) } ?? "" }

  /// The escape sequence for a style's scalar.
  static func sequence(of scalar: Unicode.Scalar) -> String? {
    guard let style = Style(rawValue: scalar.value) else { return nil }
    guard isShown else { return "" }
    return switch style {
    case .plain: "\u{1B}[0m"
    case .bold: "\u{1B}[1m"
    case .faint: "\u{1B}[2m"
    case .red: "\u{1B}[31m"
    case .green: "\u{1B}[32m"
    }
  }

  /// Source: https://no-color.org — any nonempty value turns colors off.
  private static let isShown: Bool = {
    let environment = ProcessInfo.processInfo.environment
    return Terminal.isOutput && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }()
}

/// Prints a table with emphasized titles.
func printTable(_ table: Table) {
  for (index, line) in table.rendered(width: Terminal.width).enumerated() {
    print(index == 0 ? Style.bold(line) : line)
  }
}
