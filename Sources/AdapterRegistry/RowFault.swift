/// A value in the file that cannot be what its column holds.
///
/// The file may come from anywhere, and SQLite can be told to ignore its own
/// checks, so nothing that is read is taken for granted.
public struct RowFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// The table.
  public let table: String
  /// The name of the row, or its number.
  public let row: String
  /// The column.
  public let column: String
  /// What it holds, shortened.
  public let found: String
  /// What belongs there.
  public let expected: String

  public var description: String {
    "the column '\(column)' of the row \(row) of its table '\(table)' holds \(found), where \(expected) is expected"
  }
}
