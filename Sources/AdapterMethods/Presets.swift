public import Checkpoints
internal import FoundationEssentials

/// The reference's named configurations, as differences from a method's defaults.
///
/// Source: adapters, `configuration/adapter_config.py`, `ADAPTER_CONFIG_MAP`.
private let presets: [String: [String: JSONValue]] = {
  let sequential: [String: JSONValue] = [
    "mh_adapter": .bool(false), "output_adapter": .bool(true), "original_ln_before": .bool(true),
    "reduction_factor": .integer(16), "non_linearity": .string("relu"),
  ]
  let double: [String: JSONValue] = [
    "mh_adapter": .bool(true), "output_adapter": .bool(true), "original_ln_before": .bool(false),
    "reduction_factor": .integer(16), "non_linearity": .string("swish"),
  ]
  let parallel: [String: JSONValue] = [
    "mh_adapter": .bool(false), "output_adapter": .bool(true), "original_ln_before": .bool(false),
    "reduction_factor": .integer(2), "non_linearity": .string("relu"), "init_weights": .string("mam_adapter"),
    "is_parallel": .bool(true), "scaling": .number(4),
  ]
  return [
    "seq_bn": sequential, "pfeiffer": sequential, "double_seq_bn": double, "houlsby": double, "par_bn": parallel,
    "parallel": parallel, "scaled_par_bn": parallel.merging(["scaling": .string("learned")]) { $1 },
    "scaled_parallel": parallel.merging(["scaling": .string("learned")]) { $1 },
    "lora": ["architecture": .string("lora")],
  ]
}()

extension MethodCatalog {
  /// The method of a configuration text: a preset's name, with changes of its fields in brackets.
  ///
  ///     seq_bn        seq_bn[reduction_factor=2, leave_out=[11]]        lora[attn_matrices=['k', 'v']]
  ///
  /// Values are Python's literals.
  /// - Throws: `ConfigurationError`: an unknown preset, an unknown field, a value that cannot be.
  public func method(preset text: String) throws(ConfigurationError) -> any AdapterMethod {
    let source = "the configuration '\(text)'"
    let trimmed = text.filter { $0 != "\n" }
    let name = String(trimmed.prefix { $0 != "[" }).filter { $0 != " " }
    guard let preset = presets[name] else {
      throw .impossible(
        key: "name", value: "'\(name)'", expected: "one of " + presets.keys.sorted().joined(separator: ", "), file: source)
    }
    var members = preset
    let rest = trimmed.dropFirst(trimmed.prefix { $0 != "[" }.count)
    if !rest.isEmpty {
      guard rest.hasSuffix("]") else {
        throw .impossible(key: name, value: String(rest), expected: "changes in brackets", file: source)
      }
      let changes = try PythonLiteral.arguments(String(rest.dropFirst().dropLast()), source: source)
      let known = try method(ConfigurationFields(.object(preset), file: source)).settings
      for (key, value) in changes {
        guard known[key] != nil else {
          throw .impossible(
            key: key, value: value.kind, expected: "a field of '\(name)': " + known.keys.sorted().joined(separator: ", "),
            file: source)
        }
        members[key] = value
      }
    }
    return try method(ConfigurationFields(.object(members), file: source))
  }
}

/// Python's literals, as far as configurations use them.
enum PythonLiteral {
  /// Reads `key=value, key=value`.
  static func arguments(_ text: String, source: String) throws(ConfigurationError) -> [String: JSONValue] {
    var json = "{"
    var scalars = Substring(text)
    var depth = 0
    var isKey = true
    // Keys get quotes, Python's words become JSON's, and strings get double quotes; the rest is alike.
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
