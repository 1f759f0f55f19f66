internal import AdapterHost

/// What a folder or file holds, for people and for programs.
struct InspectionReport {
  private let inspection: Inspection

  init(_ inspection: Inspection) { self.inspection = inspection }

  func lines(width: Int) -> [String] {
    var lines: [String] = []
    for part in inspection.parts { lines += (lines.isEmpty ? [] : [""]) + self.lines(part, width: width) }
    if !inspection.otherFiles.isEmpty {
      var details = Details()
      details.add("Other files", list: inspection.otherFiles)
      lines += [""] + details.lines(width: width)
    }
    return lines
  }

  private func lines(_ part: Inspection.Part, width: Int) -> [String] {
    var details = Details()
    for fact in part.facts { details.add(fact.name, fact.value) }
    details.add("needs", lines: part.needs)
    let counts = Inspection.Use.allCases.compactMap { use in
      let count = part.tensors.count { $0.use == use }
      return count == 0 ? nil : "\(count) \(use.rawValue)"
    }
    let bytes = part.tensors.reduce(0) { $0 + $1.byteCount }
    var lines = [Style.bold(part.kind.rawValue.capitalizedFirst)] + details.lines(width: width).map { "  " + $0 }
    if !part.tensors.isEmpty {
      lines += [
        "", "  \(part.tensors.count.counting("tensor")), \(bytes.asBytes): \(counts.joined(separator: ", "))", "",
      ]
      lines += table(part.tensors, width: width - 2).rendered(width: width - 2).map { "  " + $0 }
    }
    if let problem = part.problem { lines += ["", "  " + Style.red("It cannot be used: \(problem.onOneLine)")] }
    return lines
  }

  /// Where names are too long, what they all begin with stands in the title; then they are cut in the middle.
  private func table(_ tensors: [Inspection.Tensor], width: Int) -> Table {
    let rows = tensors.map { ["\($0.shape)", $0.elementType.rawValue, $0.use.rawValue] }
    let widths = ["SHAPE", "TYPE", "USE"].enumerated().map { index, title in
      rows.reduce(title.columns) { max($0, $1[index].columns) }
    }
    let room = max(24, width - widths.reduce(0) { $0 + $1 + 2 })
    let names = tensors.map(\.name.onOneLine)
    let start = names.contains { $0.columns > room } ? names.commonScope : ""
    return Table(
      columns: [
        Table.Column(title: start.isEmpty ? "TENSOR" : "BELOW \(start)"), Table.Column(title: "SHAPE"),
        Table.Column(title: "TYPE"), Table.Column(title: "USE"),
      ],
      rows: zip(names, rows).map { [String($0.dropFirst(start.count)).cutInTheMiddle(to: room)] + $1 })
  }

  var object: JSONValue {
    .object([
      "path": .string(inspection.path), "other_files": .array(inspection.otherFiles.map { .string($0) }),
      "parts": .array(inspection.parts.map(object)),
    ])
  }

  private func object(_ part: Inspection.Part) -> JSONValue {
    .object([
      "kind": .string(part.kind.rawValue),
      "facts": .object(Dictionary(part.facts.map { ($0.name, .string($0.value)) }) { first, _ in first }),
      "needs": .array(part.needs.map { .string($0) }), "problem": part.problem.map { .string($0) } ?? .null,
      "tensors": .array(
        part.tensors.map { tensor in
          .object([
            "name": .string(tensor.name), "shape": .array(tensor.shape.map { .integer($0) }),
            "type": .string(tensor.elementType.rawValue), "bytes": .integer(tensor.byteCount),
            "use": .string(tensor.use.rawValue),
          ])
        }),
    ])
  }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }

  /// The text, its middle replaced by '…' where it is wider.
  fileprivate func cutInTheMiddle(to width: Int) -> String {
    guard columns > width, width > 2 else { return self }
    return prefix(width / 3) + "…" + suffix(width - 1 - width / 3)
  }
}

extension [String] {
  /// The dotted parts that all begin with, with the dot behind them: `deberta.encoder.`
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
