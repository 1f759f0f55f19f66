public import Checkpoints

/// Reads the records of a data file as training does, for use of their texts.
public struct TableReader {
  /// A row: its cells by column name, and by the names of the parts in these columns.
  public struct Row: Sendable, Hashable {
    /// The line where it begins, from 1.
    public let line: Int
    public let members: [String: JSONValue]
    /// Whether the format has no lists and no null, so that an empty cell may mean nothing.
    public let isTextOnly: Bool
  }

  private let path: String
  private let columns: DataColumns
  private var records: any RecordReader

  /// - Parameters:
  ///   - path: the file.
  ///   - format: the file's format.
  ///   - columns: nonstandard names of columns.
  /// - Throws: ``DatasetError/unreadable(path:code:)``.
  public init(path: String, format: TrainingFormat, columns: DataColumns = [:]) throws(DatasetError) {
    self.path = path
    self.columns = columns
    let usual = DataColumns.Role.allCases.flatMap { columns.candidates($0, for: .classification) }
    records = try format.records(path: path, hasHeader: columns.hasHeader, wanted: usual)
  }

  /// The next row, or its fault; nil at the end.
  ///
  /// - Throws: ``DatasetError``, if reading cannot continue, or a named column is missing.
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
