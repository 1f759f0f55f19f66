internal import AdapterHost

/// The tensors in an inspection: problems first, and equal tensors of several layers in one row.
struct TensorTable {
  private let rows: [Row]
  private let width: Int
  /// The number of tensors, and their use.
  let title: String

  private struct Row {
    /// With layer ranges, such as `encoder.layer.0-11.output.dense.bias`.
    var name: String
    let shape: String
    let type: String
    let use: String
    let isWrong: Bool
  }

  init(_ part: Inspection.Part, width: Int) {
    let missing = part.missing.map { tensor in
      Row(name: tensor.name, shape: "\(tensor.shape)", type: "-", use: "missing", isWrong: true)
    }
    let held = part.tensors.map { tensor in
      Row(
        name: tensor.name, shape: "\(tensor.shape)", type: tensor.elementType.rawValue,
        use: tensor.neededShape.map { "needs \($0)" } ?? tensor.use.rawValue,
        isWrong: tensor.use == .misshapen || tensor.use == .unexpected)
    }
    rows = Self.joined(missing) + Self.joined(held.filter(\.isWrong)) + Self.joined(held.filter { !$0.isWrong })
    self.width = width
    let counts =
      Inspection.Use.allCases.map { use in (part.tensors.count { $0.use == use }, use.rawValue) }
      + [(part.missing.count, "missing")]
    let bytes = part.tensors.reduce(0) { $0 + $1.byteCount }
    title =
      "\(part.tensors.count.counting("tensor")), \(bytes.asBytes): "
      + counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
  }

  /// Merges rows that differ only in the layer, at the position of the first.
  private static func joined(_ rows: [Row]) -> [Row] {
    var joined: [Row] = []
    var places: [String: Int] = [:]
    var layers: [Int: [Int]] = [:]
    for row in rows {
      guard let (start, layer, end) = row.name.layer else {
        joined.append(row)
        continue
      }
      let key = [start, end, row.shape, row.type, row.use].joined(separator: "\0")
      if places[key] == nil {
        places[key] = joined.count
        joined.append(row)
      }
      places[key].map { layers[$0, default: []].append(layer) }
    }
    for (place, numbers) in layers {
      guard let (start, _, end) = joined[place].name.layer else { continue }
      joined[place].name = start + numbers.ranges + end
    }
    return joined
  }

  /// If names are too long, their common prefix moves to the title; names that are still too long wrap at dots.
  var lines: [String] {
    let others = rows.map { [$0.shape, $0.type, $0.use] }
    let titles = ["SHAPE", "TYPE", "USE"]
    let widths = titles.indices.map { column in
      others.reduce(titles[column].columns) { max($0, $1[column].columns) }
    }
    let room = max(24, width - widths.reduce(0) { $0 + $1 + 2 })
    let names = rows.map(\.name.onOneLine)
    let start = names.contains { $0.columns > room } ? names.commonScope : ""
    let title = (start.isEmpty ? "TENSOR" : "BELOW \(start)").brokenAtDots(width: room)
    let parts = names.map { String($0.dropFirst(start.count)).brokenAtDots(width: room) }
    let table = Table(
      columns: ([title[0]] + titles).map { Table.Column(title: $0) },
      rows: title.dropFirst().map { [$0, "", "", ""] }
        + zip(parts, others).flatMap { parts, other in
          parts.enumerated().map { [$1] + ($0 == 0 ? other : ["", "", ""]) }
        })
    let wrong = rows.indices.flatMap { row in Array(repeating: rows[row].isWrong, count: parts[row].count) }
    let red = Array(repeating: false, count: title.count) + wrong
    return zip(table.rendered(width: width), red).map { $1 ? Style.red($0) : $0 }
  }
}

extension [Int] {
  /// Numbers with ranges collapsed: 0-2,5.
  fileprivate var ranges: String {
    var runs: [ClosedRange<Int>] = []
    for number in sorted() {
      if let last = runs.last, last.upperBound + 1 >= number {
        runs[runs.count - 1] = last.lowerBound...number
      } else {
        runs.append(number...number)
      }
    }
    return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

extension String {
  /// A tensor's name split at its layer: `encoder.layer.`, 3, `.output.dense.bias`.
  fileprivate var layer: (start: String, number: Int, end: String)? {
    guard let word = firstRange(of: ".layer.") else { return nil }
    let digits = self[word.upperBound...].prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits), self[digits.endIndex...].hasPrefix(".") else { return nil }
    return (String(self[..<word.upperBound]), number, String(self[digits.endIndex...]))
  }

  /// The text wrapped after dots if possible, with continuation lines indented.
  fileprivate func brokenAtDots(width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for piece in split(separator: ".", omittingEmptySubsequences: false) {
      let piece = String(piece) + "."
      if !line.isEmpty, line.columns + piece.columns > width {
        lines.append(line)
        line = "  "
      }
      line += piece
      while line.columns > width + 1 {
        let start = String(line.prefix(width))
        lines.append(start)
        line = "  " + line.dropFirst(width)
      }
    }
    return lines + [String(line.dropLast())]
  }
}

extension [String] {
  /// The common dotted prefix, with the final dot: `deberta.encoder.`
  fileprivate var commonScope: String {
    guard count > 1, let first else { return "" }
    var parts = first.split(separator: ".", omittingEmptySubsequences: false).dropLast()
    while !parts.isEmpty {
      let scope = parts.joined(separator: ".") + "."
      if allSatisfy({ $0.hasPrefix(scope) }) { return scope }
      parts.removeLast()
    }
    return ""
  }
}
