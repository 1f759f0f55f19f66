public import Checkpoints

/// The records of a data file, read as training reads them, for whoever wants their texts alone.
public struct TableReader {
  /// A row: its cells by the names of their columns, and by the names of the parts that these columns hold.
  public struct Row: Sendable, Hashable {
    /// Where it begins in its file; the first line is 1.
    public let line: Int
    public let members: [String: JSONValue]
    /// Whether the format knows no lists and no null, so that an empty cell may stand for nothing.
    public let isTextOnly: Bool
  }

  private let path: String
  private let columns: DataColumns
  private var records: any RecordReader

  /// - Parameters:
  ///   - path: the file.
  ///   - format: how it is written.
  ///   - columns: the names of columns that hold a part under another name than the usual ones.
  /// - Throws: ``DatasetError/unreadable(path:code:)``.
  public init(path: String, format: TrainingFormat, columns: DataColumns = [:]) throws(DatasetError) {
    self.path = path
    self.columns = columns
    let usual = DataColumns.Role.allCases.flatMap { columns.candidates($0, for: .classification) }
    records = try format.records(path: path, hasHeader: columns.hasHeader, wanted: usual)
  }

  /// The next row, or why it cannot be read; nil at the end.
  ///
  /// - Throws: ``DatasetError``, if nothing after it can be read either, or a column that was named is missing.
  public mutating func next() throws(DatasetError) -> Result<Row, DataFault>? {
    guard let result = try records.next() else { return nil }
    guard case .success(let record) = result else { return result.map { Row($0, $0.values) } }
    var members = record.values
    let texts = columns.candidates(.text, for: .classification)
    let text = texts.first { record.column($0) != nil } ?? ""
    for role in DataColumns.Role.allCases {
      let names =
        role == .pair && columns[.pair] == nil
        ? DataColumns.Role.usualPairNames(beside: text) : columns.candidates(role, for: .classification)
      let found = names.lazy.compactMap { record.column($0) }.first
      if let found { members[role.rawValue] = members[role.rawValue] ?? found.value }
      guard let name = columns[role] else { continue }
      guard let found else { throw .missingColumn(role, wanted: [name], found: record.names, path: path) }
      members[role.rawValue] = found.value
    }
    return .success(Row(record, members))
  }
}

extension TableReader.Row {
  fileprivate init(_ record: DataRecord, _ members: [String: JSONValue]) {
    self.init(line: record.line, members: members, isTextOnly: record.isTextOnly)
  }
}
