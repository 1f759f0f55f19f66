/// Rows of cells in aligned columns.
struct Table {
  struct Column {
    let title: String
    /// Numbers are right-aligned.
    var isNumber = false
    /// Whether the column may be omitted if the table is too wide; the last such column is omitted first.
    var isOptional = false
  }

  let columns: [Column]
  let rows: [[String]]

  private static let gap = 2
  /// Columns are narrowed to this width before others are omitted, and to half of it as a last resort.
  private static let readable = 16
  /// The same for the first column, which identifies the row.
  private static let readableFirst = 24

  /// The lines of the table, no wider than `width` if possible.
  func rendered(width: Int) -> [String] {
    let natural = columns.indices.map { column in
      rows.reduce(columns[column].title.columns) { max($0, $1[column].columns) }
    }
    let least = columns.indices.map { $0 == 0 ? Self.readableFirst : Self.readable }
    var shown = Array(columns.indices)
    while true {
      if let widths = Self.fitted(natural, shown, least, into: width) { return lines(shown, widths) }
      guard let last = shown.last(where: { columns[$0].isOptional }) else { break }
      shown.removeAll { $0 == last }
    }
    let narrow = columns.indices.map { _ in Self.readable / 2 }
    return lines(shown, Self.fitted(natural, shown, narrow, into: width) ?? zip(natural, narrow).map(min))
  }

  /// Column widths that fit, narrowing the widest first; nil if a column would fall below its minimum.
  private static func fitted(_ natural: [Int], _ shown: [Int], _ least: [Int], into width: Int) -> [Int]? {
    var widths = natural
    while true {
      let excess = shown.reduce(-gap) { $0 + widths[$1] + gap } - width
      guard excess > 0 else { return widths }
      guard let widest = shown.filter({ widths[$0] > least[$0] }).max(by: { widths[$0] < widths[$1] }) else {
        return nil
      }
      widths[widest] = max(least[widest], widths[widest] - excess)
    }
  }

  private func lines(_ shown: [Int], _ widths: [Int]) -> [String] {
    ([columns.map(\.title)] + rows).map { cells in
      let line = shown.map { column in
        let cell = cells[column].cut(to: widths[column])
        return columns[column].isNumber
          ? String(repeating: " ", count: widths[column] - cell.columns) + cell : cell.padded(to: widths[column])
      }.joined(separator: String(repeating: " ", count: Self.gap))
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
