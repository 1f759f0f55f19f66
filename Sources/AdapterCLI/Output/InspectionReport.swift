internal import AdapterHost

/// Shows the contents of a folder or file, for people and for programs.
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
    for fact in part.facts {
      if fact.name == "parameters", case .integer(let count) = fact.value {
        details.add(fact.name, count.separated)
      } else {
        details.add(fact.name, fact.text)
      }
    }
    details.add("needs", lines: part.needs)
    var lines = [Style.bold(part.kind.rawValue.capitalizedFirst)] + details.lines(width: width - 2).map { "  " + $0 }
    if !part.tensors.isEmpty || !part.missing.isEmpty {
      let table = TensorTable(part, width: width - 2)
      lines += ["", "  " + table.title, ""] + table.lines.map { "  " + $0 }
    }
    if let problem = part.problem {
      let sentence = "It cannot be used: \(problem.onOneLine)".brokenAtSpaces(width: width - 2)
      lines += [""] + sentence.map { "  " + Style.red($0) }
    }
    return lines
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
      "facts": .object(Dictionary(part.facts.map { ($0.name, $0.value) }) { first, _ in first }),
      "needs": .array(part.needs.map { .string($0) }), "problem": part.problem.map { .string($0) } ?? .null,
      "missing": .array(part.missing.map { .object(["name": .string($0.name), "shape": shape($0.shape)]) }),
      "tensors": .array(part.tensors.map(object)),
    ])
  }

  private func object(_ tensor: Inspection.Tensor) -> JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(tensor.name), "shape": shape(tensor.shape), "type": .string(tensor.elementType.rawValue),
      "bytes": .integer(tensor.byteCount), "use": .string(tensor.use.rawValue),
    ]
    members["needed_shape"] = tensor.neededShape.map(shape)
    return .object(members)
  }

  private func shape(_ shape: [Int]) -> JSONValue { .array(shape.map { .integer($0) }) }
}

extension String {
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
