/// Rows of cells in aligned columns.
struct Table {
  struct Column {
    let title: String
    /// Numbers stand at the right.
    var isNumber = false
    /// Whether the column is left out where the table is too wide; the last such column goes first.
    var isOptional = false
  }

  let columns: [Column]
  let rows: [[String]]

  private static let gap = 2
  private static let least = 8

  /// The lines of the table, no wider than `width` if that can be.
  func rendered(width: Int) -> [String] {
    var shown = Array(columns.indices)
    var widths = columns.indices.map { column in
      rows.reduce(columns[column].title.columns) { max($0, $1[column].columns) }
    }
    func total() -> Int { shown.reduce(-Self.gap) { $0 + widths[$1] + Self.gap } }
    while total() > width {
      if let widest = shown.max(by: { widths[$0] < widths[$1] }), widths[widest] > 2 * Self.least {
        widths[widest] = max(2 * Self.least, widths[widest] - (total() - width))
      } else if let last = shown.last(where: { columns[$0].isOptional }) {
        shown.removeAll { $0 == last }
      } else if let widest = shown.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.least {
        widths[widest] = max(Self.least, widths[widest] - (total() - width))
      } else {
        break
      }
    }
    return ([columns.map(\.title)] + rows).map { cells in
      let line = shown.map { column in
        let cell = cells[column].cut(to: widths[column])
        return columns[column].isNumber
          ? String(repeating: " ", count: widths[column] - cell.columns) + cell : cell.padded(to: widths[column])
      }.joined(separator: String(repeating: " ", count: Self.gap))
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
  }
}
