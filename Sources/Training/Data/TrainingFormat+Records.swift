extension TrainingFormat {
  /// - Parameters:
  ///   - path: the file.
  ///   - hasHeader: whether the first line of a CSV or TSV file names the columns.
  ///   - wanted: the column names that will be looked up; they help to detect the separator of a CSV file.
  func records(path: String, hasHeader: Bool, wanted: [String] = []) throws(DatasetError) -> any RecordReader {
    let lines = try DataLines(path: path)
    return switch self {
    case .jsonLines: JSONRecordReader(lines: lines)
    case .csv: DelimitedReader(lines: lines, .csv, hasHeader: hasHeader, wanted: wanted)
    case .tsv: DelimitedReader(lines: lines, .tsv, hasHeader: hasHeader, wanted: wanted)
    case .conll: ConllReader(lines: lines)
    case .text: PlainTextReader(lines: lines)
    }
  }
}
