internal import Checkpoints

/// One record of a data file: its column values and its line.
struct DataRecord {
  let path: String
  let line: Int
  /// In file order, if the format has one.
  let names: [String]
  let values: [String: JSONValue]
  /// Whether the format only has text, without numbers and lists.
  let isTextOnly: Bool

  /// - Parameter columns: in file order; of equal names the first is used, and ``ExampleReader/checkColumns(of:)``
  ///   refuses to read one.
  init(path: String, line: Int, columns: [(name: String, value: JSONValue)], isTextOnly: Bool) {
    self.path = path
    self.line = line
    names = columns.map(\.name)
    values = Dictionary(columns.map { ($0.name, $0.value) }) { first, _ in first }
    self.isTextOnly = isTextOnly
  }

  /// The record of a JSON object.
  init(path: String, line: Int, _ members: [String: JSONValue]) {
    let columns = members.keys.sorted().map { (name: $0, value: members[$0] ?? .null) }
    self.init(path: path, line: line, columns: columns, isTextOnly: false)
  }

  /// The column with this name; if there is none, the first that matches ignoring case and surrounding space.
  func column(_ name: String) -> ColumnValue? {
    if let value = values[name] { return ColumnValue(name: name, value: value) }
    let folded = name.foldedColumnName
    guard let found = names.first(where: { $0.foldedColumnName == folded }), let value = values[found] else {
      return nil
    }
    return ColumnValue(name: found, value: value)
  }

  func fault(_ reason: String) -> DataFault { DataFault(path: path, line: line, reason: reason) }

  /// The record has no gold label: it is skipped without being a fault.
  func unlabeled(_ label: GivenLabel) -> DataFault {
    DataFault(path: path, line: line, reason: "the label is \(label), which stands for none.", isUnlabeled: true)
  }
}

extension String {
  /// A column name normalized for lookup: without case and surrounding space.
  var foldedColumnName: String {
    let words = lowercased().drop(while: \.isWhitespace)
    return String(words.reversed().drop(while: \.isWhitespace).reversed())
  }
}

/// Reads the records of one format.
protocol RecordReader {
  /// The next record, or its fault; nil at the end.
  ///
  /// - Throws: ``DatasetError``, if reading cannot continue.
  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>?
}

extension DataLines {
  func fault(_ line: Line, _ reason: String) -> DataFault { DataFault(path: path, line: line.number, reason: reason) }

  /// The text of a line, or the reason it is invalid.
  func text(_ line: Line) -> Result<String, DataFault> {
    guard let bytes = line.bytes else { return .failure(tooLong(line)) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      return .failure(fault(line, Self.invalidText(bytes)))
    }
    return .success(text)
  }

  static func tooManyWords(_ count: Int) -> String {
    "the sentence has \(count) words; at most \(Limits.sentenceWords) are read."
  }

  func tooLong(_ line: Line) -> DataFault { fault(line, "is longer than \(Limits.recordBytes) bytes; split it.") }
}
