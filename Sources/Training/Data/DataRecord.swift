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

  /// - Parameter columns: in the order of the file; of equal names the first counts.
  init(path: String, line: Int, columns: [(name: String, value: JSONValue)], isTextOnly: Bool) {
    self.path = path
    self.line = line
    names = columns.map(\.name)
    values = Dictionary(columns.map { ($0.name, $0.value) }) { first, _ in first }
    self.isTextOnly = isTextOnly
  }

  func fault(_ reason: String) -> DataFault { DataFault(path: path, line: line, reason: reason) }
}

/// Reads the records of one format.
protocol RecordReader {
  /// The next record, or why it is none; nil at the end.
  ///
  /// - Throws: ``DatasetError``, if nothing behind can be read either.
  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>?
}

extension TrainingFormat {
  func records(path: String, hasHeader: Bool) throws(DatasetError) -> any RecordReader {
    let lines = try DataLines(path: path)
    return switch self {
    case .jsonLines: JSONLinesReader(lines: lines)
    case .csv: DelimitedReader(lines: lines, separator: ",", hasQuotes: true, hasHeader: hasHeader)
    case .tsv: DelimitedReader(lines: lines, separator: "\t", hasQuotes: false, hasHeader: hasHeader)
    case .conll: ConllReader(lines: lines)
    case .text: PlainTextReader(lines: lines)
    }
  }
}

extension DataLines {
  func fault(_ line: Line, _ reason: String) -> DataFault { DataFault(path: path, line: line.number, reason: reason) }

  /// The text of a line, or why it has none.
  func text(_ line: Line) -> Result<String, DataFault> {
    guard let bytes = line.bytes else { return .failure(tooLong(line)) }
    guard let text = String(validating: bytes, as: UTF8.self) else { return .failure(fault(line, "is not UTF-8.")) }
    return .success(text)
  }

  func tooLong(_ line: Line) -> DataFault { fault(line, "is longer than \(Limits.recordBytes) bytes; split it.") }
}
