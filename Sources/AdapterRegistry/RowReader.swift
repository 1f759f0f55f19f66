internal import Files
import Foundation
import GRDB

/// Reads the columns of a row.
///
/// A value that does not fit is thrown as a ``RowFault``. Rows of a join name
/// the table of a column where it is not the row's own.
struct RowReader {
  let table: String
  let row: Row

  init(_ row: Row, of table: String) { (self.row, self.table) = (row, table) }

  func text(_ column: String, upTo limit: Int = StoredText.nameLimit, of table: String? = nil) throws(RowFault)
    -> String
  {
    guard let text = try textIfPresent(column, upTo: limit, of: table) else {
      throw fault(column, .null, expected: "text", of: table)
    }
    return text
  }

  func textIfPresent(
    _ column: String, upTo limit: Int = StoredText.nameLimit, of table: String? = nil
  ) throws(RowFault) -> String? {
    let value = value(column)
    if value.isNull { return nil }
    guard case .string(let text) = value.storage else { throw fault(column, value, expected: "text", of: table) }
    guard text.utf8.count <= limit else {
      throw fault(column, value, expected: "text of at most \(limit) bytes", of: table)
    }
    return text
  }

  /// Where an adapter was fetched from.
  func origin() throws(RowFault) -> AdapterOrigin? {
    guard let address = try textIfPresent("originAddress", upTo: StoredText.pathLimit, of: "origin") else { return nil }
    let revision = try text("originRevision", of: "origin")
    guard AdapterOrigin.isRevision(revision) else {
      throw fault("originRevision", value("originRevision"), expected: "hexadecimal digits", of: "origin")
    }
    return AdapterOrigin(address: address, revision: revision)
  }

  /// A JSON object.
  func object(_ column: String) throws(RowFault) -> String {
    guard let text = try objectIfPresent(column) else { throw fault(column, .null, expected: "a JSON object") }
    return text
  }

  func objectIfPresent(_ column: String, of table: String? = nil) throws(RowFault) -> String? {
    guard let text = try textIfPresent(column, upTo: StoredText.jsonLimit, of: table) else { return nil }
    guard StoredText.isObject(text) else { throw fault(column, value(column), expected: "a JSON object", of: table) }
    return text
  }

  func integer(_ column: String, of table: String? = nil) throws(RowFault) -> Int {
    guard let number = try integerIfPresent(column, of: table) else {
      throw fault(column, .null, expected: "a number of 0 or more", of: table)
    }
    return number
  }

  func integerIfPresent(_ column: String, of table: String? = nil) throws(RowFault) -> Int? {
    let value = value(column)
    if value.isNull { return nil }
    guard case .int64(let number) = value.storage, let number = Int(exactly: number), number >= 0 else {
      throw fault(column, value, expected: "a number of 0 or more", of: table)
    }
    return number
  }

  func key(_ column: String) throws(RowFault) -> Int64 {
    guard case .int64(let number) = value(column).storage else {
      throw fault(column, value(column), expected: "the number of a row")
    }
    return number
  }

  func flag(_ column: String) throws(RowFault) -> Bool {
    switch value(column).storage {
    case .int64(0): return false
    case .int64(1): return true
    default: throw fault(column, value(column), expected: "0 or 1")
    }
  }

  func date(_ column: String) throws(RowFault) -> Date {
    guard case .string(let text) = value(column).storage, text.utf8.count <= 64,
      let date = Date.fromDatabaseValue(value(column))
    else { throw fault(column, value(column), expected: "a date") }
    return date
  }

  func digest(_ column: String, of table: String? = nil) throws(RowFault) -> ContentDigest {
    guard let digest = try digestIfPresent(column, of: table) else {
      throw fault(column, .null, expected: "a SHA-256 digest", of: table)
    }
    return digest
  }

  func digestIfPresent(_ column: String, of table: String? = nil) throws(RowFault) -> ContentDigest? {
    guard let text = try textIfPresent(column, of: table) else { return nil }
    guard let digest = ContentDigest(text) else {
      throw fault(column, value(column), expected: "a SHA-256 digest", of: table)
    }
    return digest
  }

  /// A path of a folder, which does not climb.
  func path(_ column: String, of table: String? = nil) throws(RowFault) -> String {
    let path = try text(column, upTo: StoredText.pathLimit, of: table)
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.isEmpty, !path.utf8.contains(0), !parts.contains(".."), !parts.contains(".") else {
      throw fault(column, value(column), expected: "a path without '.' and '..'", of: table)
    }
    return path
  }

  /// The head in the columns `headKind` and `headLabels`.
  func head() throws(RowFault) -> HeadDescription? {
    let labels = try textIfPresent("headLabels", upTo: StoredText.jsonLimit)
    guard let kind = try textIfPresent("headKind") else {
      guard labels == nil else { throw fault("headKind", .null, expected: "the kind of the head that has labels") }
      return nil
    }
    guard let labels, let list = try? JSONDecoder().decode([String].self, from: Data(labels.utf8)) else {
      throw fault("headLabels", value("headLabels"), expected: "a JSON array of strings")
    }
    return HeadDescription(kind: kind, labels: list)
  }

  /// What a value was to be, if it is not.
  func fault(_ column: String, expected: String, of table: String? = nil) -> RowFault {
    fault(column, value(column), expected: expected, of: table)
  }

  private func fault(_ column: String, _ value: DatabaseValue, expected: String, of table: String? = nil) -> RowFault {
    let found =
      switch value.storage {
      case .null: "nothing"
      case .int64(let number): "\(number)"
      case .double(let number): "\(number)"
      case .string(let text): "'\(text.excerpt)'" + (text.utf8.count > 1000 ? " (\(text.utf8.count) bytes)" : "")
      case .blob(let data): "\(data.count) bytes that are not text"
      }
    return RowFault(table: table ?? self.table, row: label, column: column, found: found, expected: expected)
  }

  private var label: String {
    if case .string(let name) = value("name").storage { return "'\(name.excerpt)'" }
    for column in ["id", "folderId", "adapterId", "modelId"] {
      if case .int64(let number) = value(column).storage { return "\(number)" }
    }
    return "without a name"
  }

  private func value(_ column: String) -> DatabaseValue { row[column] as DatabaseValue? ?? .null }
}

/// What identifies a base model, an adapter or a fusion: enough to work with it, whatever its other columns hold.
struct ItemKey: FetchableRecord {
  let id: Int64
  let name: String
  let folderId: Int64

  init(row: Row) throws {
    // The statement names its table in a column, for messages.
    let table = String.fromDatabaseValue(row["tableName"] as DatabaseValue? ?? .null) ?? ""
    let reader = RowReader(row, of: table)
    (id, name, folderId) = (try reader.key("id"), try reader.text("name"), try reader.key("folderId"))
  }

  static func fetchOne(
    _ db: Database, _ table: String, where condition: String, _ arguments: StatementArguments
  ) throws -> ItemKey? {
    try fetchOne(db, sql: query(table, condition), arguments: arguments)
  }

  static func fetchAll(
    _ db: Database, _ table: String, where condition: String, _ arguments: StatementArguments
  ) throws -> [ItemKey] {
    try fetchAll(db, sql: query(table, condition), arguments: arguments)
  }

  private static func query(_ table: String, _ condition: String) -> String {
    "SELECT id, name, folderId, '\(table)' AS tableName FROM \(table) WHERE \(condition)"
  }
}

extension Database {
  /// Whether a table has a row.
  func has(_ table: String, where condition: String, _ arguments: StatementArguments) throws -> Bool {
    try Bool.fetchOne(self, sql: "SELECT EXISTS (SELECT 1 FROM \(table) WHERE \(condition))", arguments: arguments)
      ?? false
  }

  /// Texts of one column, those that are no text left out: they serve hints and messages.
  func names(_ sql: String, _ arguments: StatementArguments = []) throws -> [String] {
    try DatabaseValue.fetchAll(self, sql: sql, arguments: arguments).compactMap(String.fromDatabaseValue)
  }
}
