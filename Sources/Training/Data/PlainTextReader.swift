internal import Checkpoints

/// Reads one text per line, into the column `text`.
struct PlainTextReader: RecordReader {
  let lines: DataLines

  func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    while let line = try lines.next() {
      if line.isBlank { continue }
      return lines.text(line).map { text in
        DataRecord(path: lines.path, line: line.number, columns: [("text", .string(text))], isTextOnly: true)
      }
    }
    return nil
  }
}
