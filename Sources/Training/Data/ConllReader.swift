internal import Checkpoints

/// Sentences as CoNLL writes them: a token and its tags in each line, a blank line behind each sentence.
///
/// The columns are called `1`, `2`, …, each a list with an element a token;
/// `tokens` is the first, and `tags` is the last. Columns stand between tabs
/// or, in a line without one, between spaces. Lines that begin with
/// `-DOCSTART-` are left out.
struct ConllReader: RecordReader {
  private let lines: DataLines
  private var columnCount: Int?

  init(lines: DataLines) { self.lines = lines }

  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    var rows: [[String]] = []
    var start: Int?
    var fault: DataFault?
    while let line = try lines.next() {
      if line.isBlank || line.bytes?.starts(with: Array("-DOCSTART-".utf8)) == true {
        if start != nil { break }
        continue
      }
      start = start ?? line.number
      do { rows.append(try row(line)) } catch { fault = fault ?? error }
    }
    guard let start else { return nil }
    return fault.map(Result.failure) ?? .success(sentence(rows, line: start))
  }

  private mutating func row(_ line: DataLines.Line) throws(DataFault) -> [String] {
    let text = try lines.text(line).get()
    let cells =
      text.contains("\t")
      ? text.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      : text.split(separator: " ").map(String.init)
    let expected = columnCount ?? max(cells.count, 2)
    guard cells.count == expected else {
      let found = cells.count == 1 ? "1 column" : "\(cells.count) columns"
      let place = columnCount == nil ? "at least 2 columns, a token and its tag" : "\(expected) columns, as above"
      throw lines.fault(line, "expected \(place), found \(found).")
    }
    columnCount = expected
    return cells
  }

  private func sentence(_ rows: [[String]], line: Int) -> DataRecord {
    let count = columnCount ?? 0
    let columns = (0..<count).map { column in
      (name: "\(column + 1)", value: JSONValue.array(rows.map { .string($0[column]) }))
    }
    let aliases = [("tokens", columns.first?.value), ("tags", columns.last?.value)].compactMap { name, value in
      value.map { (name: name, value: $0) }
    }
    return DataRecord(path: lines.path, line: line, columns: aliases + columns, isTextOnly: true)
  }
}
