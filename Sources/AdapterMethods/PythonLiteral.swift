internal import Checkpoints
internal import FoundationEssentials

/// Python literals, in the subset that configurations use.
enum PythonLiteral {
  /// Reads `key=value, key=value`.
  static func arguments(_ text: String, source: String) throws(ConfigurationError) -> [String: JSONValue] {
    var json = "{"
    var scalars = Substring(text)
    var depth = 0
    var isKey = true
    // Keys get quotes, Python keywords become JSON's, and strings get double quotes; the rest is the same.
    while let character = scalars.first {
      switch character {
      case "'", "\"":
        let quoted = scalars.dropFirst().prefix { $0 != character }
        json += JSONValue.string(String(quoted)).line
        scalars = scalars.dropFirst(quoted.count + 2)
      case "[", "{", "(":
        depth += 1
        json.append(character == "(" ? "[" : character)
        scalars.removeFirst()
      case "]", "}", ")":
        depth -= 1
        json.append(character == ")" ? "]" : character)
        scalars.removeFirst()
      case "=" where depth == 0:
        json += ":"
        isKey = false
        scalars.removeFirst()
      case ",":
        json += ","
        isKey = isKey || depth == 0
        scalars.removeFirst()
      default:
        if character.isLetter || character == "_" {
          let word = scalars.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
          json += isKey && depth == 0 ? JSONValue.string(String(word)).line : words[String(word)] ?? String(word)
          scalars = scalars.dropFirst(word.count)
        } else {
          json.append(character)
          scalars.removeFirst()
        }
      }
    }
    do {
      guard case .object(let members) = try JSONValue(Data((json + "}").utf8), file: source) else { return [:] }
      return members
    } catch {
      throw .unreadable(error)
    }
  }

  private static let words = ["True": "true", "False": "false", "None": "null"]
}
