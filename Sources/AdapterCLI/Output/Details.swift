internal import AdapterHost
internal import Foundation

/// A two-column list of names and values, with long values wrapped.
struct Details {
  private var rows: [(name: String, lines: [String])] = []

  /// Adds a line, unless the value is nil.
  mutating func add(_ name: String, _ value: String?) { add(name, lines: value.map { [$0] } ?? []) }

  /// Adds comma-separated values.
  mutating func add(_ name: String, list: [String]) { add(name, list.joined(separator: ", ")) }

  /// Adds the settings of a training run, one per line.
  mutating func add(recipe: [String: JSONValue]?) {
    let settings = (recipe ?? [:]).filter { $0.key != "record" }.sorted { $0.key < $1.key }
    add(
      "Recipe",
      lines: settings.map { key, value in
        if case .string(let text) = value { "\(key): \(text)" } else { "\(key): \(value.line)" }
      })
  }

  /// Adds values, one per line.
  mutating func add(_ name: String, lines: [String]) {
    let lines = lines.filter { !$0.isEmpty }
    if !lines.isEmpty { rows.append((name, lines)) }
  }

  func lines(width: Int) -> [String] {
    let column = min(36, rows.map(\.name.columns).max() ?? 0)
    return rows.flatMap { row in
      row.lines.flatMap { $0.onOneLine.brokenAtSpaces(width: max(16, width - column - 2)) }.enumerated()
        .map { ($0 == 0 ? row.name.cut(to: column) : "").padded(to: column) + "  " + $1 }
    }
  }
}

extension String {
  /// The text wrapped at spaces only, so that long paths stay whole.
  func brokenAtSpaces(width: Int) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      if let last = lines.last, last.columns + 1 + word.columns <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}

extension Date {
  /// The UTC date: 2026-11-21.
  var day: String { String(second.prefix(10)) }

  /// The UTC date and minute: 2026-11-21 06:13.
  var minute: String { String(second.prefix(16)).replacingOccurrences(of: "T", with: " ") }

  /// The UTC date and time: 2026-11-21T06:13:20Z.
  var second: String { formatted(.iso8601) }
}

extension Int {
  /// The number with a noun: 1 adapter, 2,000 adapters.
  func counting(_ noun: String) -> String { "\(separated) \(noun)\(self == 1 ? "" : "s")" }

  /// The number with thousands separators: 32,768.
  var separated: String {
    var text = ""
    for (index, digit) in "\(magnitude)".reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (self < 0 ? "-" : "") + String(text.reversed())
  }

  /// The number as a size: 12 kB.
  var asBytes: String {
    var (value, unit) = (Double(self), "B")
    for next in ["kB", "MB", "GB", "TB"] where value >= 1000 { (value, unit) = (value / 1000, next) }
    return unit == "B" ? "\(self) B" : "\(value.formatted(decimals: value < 10 ? 1 : 0)) \(unit)"
  }
}

/// Prints one object for people or for programs.
func printObject(_ value: JSONValue, _ output: OutputArguments) { print(output.json ? value.indented : value.line) }
