internal import AdapterHost

/// Registered adapters, for people and for programs.
struct AdapterListing {
  private let records: [AdapterRecord]

  init(_ records: [AdapterRecord]) { self.records = records }

  var isEmpty: Bool { records.isEmpty }

  /// The base model and its active setup.
  func heading(model: String, setup: String?, width: Int) -> [String] {
    let parts = (setup ?? "none").onOneLine.split(separator: ", ").map(String.init)
    let items = parts.enumerated().map { $0 < parts.count - 1 ? $1 + "," : $1 }
    let lines = wrapped(items, separator: " ", width: max(8, width - 14))
    return ["Base model    \(model.onOneLine)"]
      + lines.enumerated().map { ($0 == 0 ? "Active setup  " : "              ") + $1 }
  }

  var table: Table {
    Table(
      columns: [
        Table.Column(title: "NAME"), Table.Column(title: "METHOD", isOptional: true),
        Table.Column(title: "HEAD", isOptional: true),
        Table.Column(title: "PARAMETERS", isNumber: true, isOptional: true),
        Table.Column(title: "SIZE", isNumber: true, isOptional: true), Table.Column(title: "ACTIVE"),
        Table.Column(title: "ADDED", isOptional: true),
      ],
      rows: records.map { record in
        [
          record.name.onOneLine, record.method.onOneLine, record.head?.kind.onOneLine ?? "-",
          record.parameterCount.separated, record.byteCount.asBytes, record.isActive ? "active" : "-",
          record.created.day,
        ]
      })
  }

  /// A JSON object for each adapter.
  var objects: [String] {
    records.map { record in
      JSONValue.object([
        "name": .string(record.name), "method": .string(record.method),
        "head": record.head.map { .string($0.kind) } ?? .null, "parameters": .integer(record.parameterCount),
        "active": .bool(record.isActive), "bytes": .integer(record.byteCount), "model": .string(record.model),
        "folder": .string(record.path), "tags": .array(record.tags.map { .string($0) }),
        "added": .string(record.created.second),
      ]).line
    }
  }
}

/// Registered base models, for people and for programs.
struct ModelListing {
  private let records: [ModelRecord]

  init(_ records: [ModelRecord]) { self.records = records }

  var isEmpty: Bool { records.isEmpty }

  var table: Table {
    Table(
      columns: [
        Table.Column(title: "NAME"), Table.Column(title: "PARAMETERS", isNumber: true),
        Table.Column(title: "SIZE", isNumber: true, isOptional: true), Table.Column(title: "DEFAULT"),
        Table.Column(title: "FOLDER", isOptional: true),
      ],
      rows: records.map { record in
        [
          record.name.onOneLine, record.parameterCount.separated, record.byteCount.asBytes,
          record.isDefault ? "default" : "-",
          record.path.belowCurrentFolder.onOneLine,
        ]
      })
  }

  /// A JSON object for each base model.
  var objects: [String] {
    records.map { record in
      JSONValue.object([
        "name": .string(record.name), "parameters": .integer(record.parameterCount),
        "bytes": .integer(record.byteCount), "default": .bool(record.isDefault), "folder": .string(record.path),
      ]).line
    }
  }
}

/// Objects as they are listed: an array with a line for each, or JSON Lines.
func listed(_ objects: [String], asArray: Bool) -> String {
  guard asArray else { return objects.map { $0 + "\n" }.joined() }
  return objects.isEmpty ? "[]\n" : "[\n" + objects.map { "  " + $0 }.joined(separator: ",\n") + "\n]\n"
}
