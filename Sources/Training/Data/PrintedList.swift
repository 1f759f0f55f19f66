internal import Checkpoints
internal import FoundationEssentials

/// A list as printed by Python or NumPy, as found in tables written from lists: `['a', "b's"]`, `[True, None]`,
/// `[0 1 0]`, `[0. 1.]`.
struct PrintedList {
  /// Nil if the text is not such a list.
  let value: JSONValue?

  init(_ text: String) {
    var parser = Parser(rest: text.unicodeScalars[...])
    value = parser.list()
  }

  private struct Parser {
    var rest: Substring.UnicodeScalarView

    mutating func list() -> JSONValue? {
      guard rest.popFirst() == "[" else { return nil }
      var elements: [JSONValue] = []
      while true {
        rest = rest.drop { $0.properties.isWhitespace || $0 == "," }
        guard let first = rest.first else { return nil }
        if first == "]" {
          rest.removeFirst()
          return rest.allSatisfy(\.properties.isWhitespace) ? .array(elements) : nil
        }
        guard let element = first == "'" || first == "\"" ? string() : word() else { return nil }
        elements.append(element)
      }
    }

    private mutating func string() -> JSONValue? {
      let quote = rest.popFirst()
      var text = String.UnicodeScalarView()
      while let scalar = rest.popFirst() {
        if scalar == quote { return .string(String(text)) }
        guard scalar == "\\" else {
          text.append(scalar)
          continue
        }
        switch rest.popFirst() {
        case "n": text.append("\n")
        case "t": text.append("\t")
        case let other? where "\\'\"".unicodeScalars.contains(other): text.append(other)
        default: return nil
        }
      }
      return nil
    }

    private mutating func word() -> JSONValue? {
      let end = rest.firstIndex { $0.properties.isWhitespace || ",]".unicodeScalars.contains($0) } ?? rest.endIndex
      defer { rest = rest[end...] }
      let word = String(rest[..<end])
      switch word {
      case "True": return .bool(true)
      case "False": return .bool(false)
      case "None", "nan": return .null
      default: return Int(word).map { .integer($0) } ?? Double(word).map { .number($0) }
      }
    }
  }
}
