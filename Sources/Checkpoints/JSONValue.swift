public import FoundationEssentials

/// Any JSON value.
///
/// As in Python, integers and other numbers are distinct: `1` is not `1.0`.
public enum JSONValue: Hashable, Sendable {
  case object([String: JSONValue])
  case array([JSONValue])
  case string(String)
  case integer(Int)
  case number(Double)
  case bool(Bool)
  case null

  /// Parses one value, with nothing after it.
  ///
  /// - Parameters:
  ///   - text: UTF-8.
  ///   - file: the source of the text, for messages.
  ///   - values: the maximum number of members and elements, over all objects and lists.
  /// - Throws: ``CheckpointError/json(_:file:)``; ``CheckpointError/overLimit(_:found:limit:file:)``.
  public init(_ text: Data, file: String, values: Int = .max) throws(CheckpointError) {
    var reader = try JSONReader(Array(text), file: file, values: values)
    self = try reader.value()
    try reader.finish()
  }

  /// Reads a file of at most `limit` bytes.
  public init(path: String, limit: Int = Limits.configurationBytes) throws(CheckpointError) {
    try self.init(AtomicFile.read(path, limit: limit), file: path)
  }

  /// Writes the indented text to a file, completely or not at all.
  public func write(to path: String) throws(CheckpointError) {
    try AtomicFile.write(Data(indented.utf8), to: path)
  }

  /// The text with sorted keys and an indent of two, as written by Python's `json.dump(..., indent=2, sort_keys=True)`,
  /// with `NaN` and `Infinity` for numbers that are not finite.
  public var indented: String {
    var text = ""
    write(to: &text, indent: 0, step: 2)
    return text
  }

  /// The text on one line, with sorted keys, and null for numbers that are not finite.
  public var line: String {
    var text = ""
    write(to: &text, indent: 0, step: nil)
    return text
  }

  private func write(to text: inout String, indent: Int, step: Int?) {
    func list<T>(_ open: String, _ close: String, _ items: [T], _ write: (T, inout String) -> Void) {
      guard !items.isEmpty else {
        text += open + close
        return
      }
      text += open
      for (index, item) in items.enumerated() {
        if index > 0 { text += step == nil ? ", " : "," }
        if let step { text += "\n" + String(repeating: " ", count: indent + step) }
        write(item, &text)
      }
      if step != nil { text += "\n" + String(repeating: " ", count: indent) }
      text += close
    }
    let inner = indent + (step ?? 0)
    switch self {
    case .object(let members):
      list("{", "}", members.keys.sorted()) { key, text in
        JSONValue.string(key).write(to: &text, indent: inner, step: step)
        text += ": "
        members[key]?.write(to: &text, indent: inner, step: step)
      }
    case .array(let elements):
      list("[", "]", elements) { element, text in element.write(to: &text, indent: inner, step: step) }
    case .string(let string): text += Self.quoted(string)
    case .integer(let integer): text += "\(integer)"
    case .number(let number): text += number.isFinite ? "\(number)" : step == nil ? "null" : number.pythonName
    case .bool(let bool): text += bool ? "true" : "false"
    case .null: text += "null"
    }
  }

  private static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where scalar.actsOnTerminals: text += "\\u" + String(String(scalar.value + 0x10000, radix: 16).dropFirst())
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }

  /// Whether all numbers in it are finite, as strict JSON requires.
  public var isFinite: Bool {
    switch self {
    case .object(let members): members.values.allSatisfy(\.isFinite)
    case .array(let elements): elements.allSatisfy(\.isFinite)
    case .number(let number): number.isFinite
    case .string, .integer, .bool, .null: true
    }
  }

  /// The type of the value, for messages.
  public var kind: String {
    switch self {
    case .object: "an object"
    case .array: "a list"
    case .string(let string): "the string '\(string)'"
    case .integer(let integer): "the number \(integer)"
    case .number(let number): number.isFinite ? "the number \(number)" : number.pythonName
    case .bool(let bool): bool ? "true" : "false"
    case .null: "null"
    }
  }
}

extension Double {
  /// The name of a nonfinite number in Python's `json`.
  fileprivate var pythonName: String { isNaN ? "NaN" : self < 0 ? "-Infinity" : "Infinity" }
}

extension Unicode.Scalar {
  /// Whether a terminal may interpret the scalar instead of showing it: controls (C0, DEL, C1), line and paragraph
  /// separators, and text direction marks.
  ///
  /// All of them are in the basic multilingual plane.
  public var actsOnTerminals: Bool {
    switch value {
    case 0...0x1F, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }
}
