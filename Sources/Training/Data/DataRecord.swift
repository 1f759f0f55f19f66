internal import Checkpoints

/// One record of a data file: the values of its columns, and where it begins.
struct DataRecord {
  let path: String
  let line: Int
  /// In the order of the file, where it has one.
  let names: [String]
  let values: [String: JSONValue]
  /// Whether the format knows no numbers and no lists, so that texts stand for them.
  let isTextOnly: Bool

  /// - Parameter columns: in the order of the file; of equal names the first counts, and
  ///   ``ExampleReader/checkColumns(of:)`` refuses to read one.
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

  /// The column of a name; if there is none, the first whose name differs only in case and surrounding space.
  func column(_ name: String) -> ColumnValue? {
    if let value = values[name] { return ColumnValue(name: name, value: value) }
    let folded = name.foldedColumnName
    guard let found = names.first(where: { $0.foldedColumnName == folded }), let value = values[found] else {
      return nil
    }
    return ColumnValue(name: found, value: value)
  }

  func fault(_ reason: String) -> DataFault { DataFault(path: path, line: line, reason: reason) }

  /// The record has no gold label: it is left out, and is no fault of the data.
  func unlabeled(_ label: GivenLabel) -> DataFault {
    DataFault(path: path, line: line, reason: "the label is \(label), which stands for none.", isUnlabeled: true)
  }
}

extension String {
  /// The name of a column without what does not count when it is looked for: case, and space around it.
  var foldedColumnName: String {
    let words = lowercased().drop(while: \.isWhitespace)
    return String(words.reversed().drop(while: \.isWhitespace).reversed())
  }
}

/// Reads the records of one format.
protocol RecordReader {
  /// The next record, or why it is none; nil at the end.
  ///
  /// - Throws: ``DatasetError``, if nothing after it can be read either.
  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>?
}

extension DataLines {
  func fault(_ line: Line, _ reason: String) -> DataFault { DataFault(path: path, line: line.number, reason: reason) }

  /// The text of a line, or why it has none.
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
