internal import Foundation

/// Emphasis for people: on a terminal that shows it, unless NO_COLOR is set.
///
/// In texts a style is a noncharacter, for which `print` writes the terminal's sequence. `onOneLine` escapes those that
/// come from outside.
enum Style: UInt32 {
  case plain = 0xFDD0
  case bold, faint, red, green

  /// The text in this style, or as it is where no terminal shows it.
  func callAsFunction(_ text: String) -> String {
    Self.isShown ? mark + text + Self.plain.mark : text
  }

  private var mark: String { Unicode.Scalar(rawValue).map { String($0) } ?? "" }

  /// What turns on the style that a scalar stands for.
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

  /// Source: https://no-color.org — any value but an empty one turns colors off.
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
