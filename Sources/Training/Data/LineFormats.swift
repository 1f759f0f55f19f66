internal import Checkpoints
internal import FoundationEssentials

/// A JSON object in each line.
struct JSONLinesReader: RecordReader {
  let lines: DataLines

  func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    while let line = try lines.next() {
      if !line.isBlank { return record(line) }
    }
    return nil
  }

  private func record(_ line: DataLines.Line) -> Result<DataRecord, DataFault> {
    guard let bytes = line.bytes else { return .failure(lines.tooLong(line)) }
    let value: JSONValue
    do { value = try JSONValue(Data(bytes), file: lines.path) } catch {
      return .failure(lines.fault(line, error.reason))
    }
    guard case .object(let members) = value else {
      return .failure(lines.fault(line, "expected a JSON object, found \(value.kind)."))
    }
    let columns = members.keys.sorted().map { (name: $0, value: members[$0] ?? .null) }
    return .success(DataRecord(path: lines.path, line: line.number, columns: columns, isTextOnly: false))
  }
}

extension CheckpointError {
  /// What is wrong with a JSON text, without the file that it comes from.
  var reason: String { if case .json(let fault, _) = self { "\(fault)." } else { description } }
}

/// A text in each line, in the column `text`.
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
