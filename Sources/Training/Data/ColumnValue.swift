internal import Checkpoints
internal import FoundationEssentials

/// The value of a column, converted to the required type.
///
/// In text-only formats, numbers are parsed from digits, and lists from bracketed JSON or separated parts.
struct ColumnValue {
  let name: String
  let value: JSONValue

  func wrong(_ expected: String, _ record: DataRecord) -> DataFault {
    record.fault("'\(name)' must be \(expected), found \(value.kind).")
  }

  func string(_ record: DataRecord) throws(DataFault) -> String {
    guard case .string(let string) = value else { throw wrong("a string", record) }
    return string
  }

  func strings(_ record: DataRecord) throws(DataFault) -> [String] {
    var strings: [String] = []
    for (index, element) in try list(record).enumerated() {
      strings.append(try ColumnValue(name: "\(name)[\(index)]", value: element).string(record))
    }
    return strings
  }

  func float(_ record: DataRecord) throws(DataFault) -> Float {
    let number: Double? =
      if record.isTextOnly, case .string(let text) = value { Double(text) } else { value.double }
    guard let number, Float(number).isFinite else { throw isBlank ? empty(record) : wrong("a number", record) }
    return Float(number)
  }

  func label(_ record: DataRecord) throws(DataFault) -> GivenLabel {
    if isBlank { throw empty(record) }
    guard let label = GivenLabel(value, isTextOnly: record.isTextOnly) else {
      throw wrong("a label's name or number", record)
    }
    return label
  }

  /// Whether the value is a blank text.
  private var isBlank: Bool { if case .string(let text) = value { text.allSatisfy(\.isWhitespace) } else { false } }

  private func empty(_ record: DataRecord) -> DataFault { record.fault("'\(name)' is empty.") }

  /// Labels, or Boolean flags. Whether 0 and 1 are flags is decided from all records together.
  func labels(_ record: DataRecord) throws(DataFault) -> MultipleLabels {
    if case .string = value, !record.isTextOnly { return .listed([try label(record)]) }
    let elements = try list(record, separatedBy: ",")
    let flags = elements.compactMap { element in if case .bool(let flag) = element { flag } else { nil } }
    if !flags.isEmpty, flags.count == elements.count { return .flags(flags) }
    var labels: [GivenLabel] = []
    for (index, element) in elements.enumerated() {
      labels.append(try ColumnValue(name: "\(name)[\(index)]", value: element).label(record))
    }
    return .listed(labels)
  }

  /// A label for each word; null means none.
  func tags(_ record: DataRecord) throws(DataFault) -> [GivenLabel?] {
    var labels: [GivenLabel?] = []
    for (index, element) in try list(record).enumerated() {
      labels.append(
        element == .null ? nil : try ColumnValue(name: "\(name)[\(index)]", value: element).label(record))
    }
    return labels
  }

  /// The elements of a list.
  ///
  /// - Parameter separator: the separator in formats without lists; nil: white space.
  func list(_ record: DataRecord, separatedBy separator: Character? = nil) throws(DataFault) -> [JSONValue] {
    switch value {
    case .array(let elements): return elements
    case .string(let text) where record.isTextOnly:
      if text.first == "[" { return try parsed(text, record).list(record) }
      let parts =
        separator.map { separator in
          text.split(separator: separator).map { $0.trimming(\.isWhitespace) }.filter { !$0.isEmpty }
        } ?? text.split(whereSeparator: \.isWhitespace)
      return parts.map { .string(String($0)) }
    default: throw wrong("a list", record)
    }
  }

  /// Parses JSON, or a list as Python prints it, in a text column.
  func parsed(_ text: String, _ record: DataRecord) throws(DataFault) -> ColumnValue {
    do {
      return ColumnValue(name: name, value: try JSONValue(Data(text.utf8), file: record.path))
    } catch {
      if let printed = PrintedList(text).value { return ColumnValue(name: name, value: printed) }
      throw record.fault("'\(name)' cannot be read: \(error.reason)")
    }
  }
}

extension Substring {
  /// The text without leading and trailing characters for which `isTrimmed` holds.
  fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> Substring {
    var rest = drop(while: isTrimmed)
    while let last = rest.last, isTrimmed(last) { rest.removeLast() }
    return rest
  }
}
