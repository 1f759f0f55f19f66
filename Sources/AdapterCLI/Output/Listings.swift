internal import AdapterHost

/// Lists registered adapters and fusions, for people and for programs.
struct ItemListing {
  private let items: [RegisteredItem]

  init(_ items: [RegisteredItem]) { self.items = items }

  var isEmpty: Bool { items.isEmpty }

  /// A heading with the base model and its active setup.
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
      rows: items.map { item in
        [
          item.name.onOneLine, item.method.onOneLine, item.head?.kind.onOneLine ?? "-",
          item.parameterCount.separated, item.byteCount.asBytes, item.isActive ? "active" : "-",
          item.created.day,
        ]
      })
  }

  /// One JSON object per item.
  var objects: [String] { items.map(\.object.line) }
}

extension RegisteredItem {
  /// The item as JSON.
  var object: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "method": .string(method), "head": head.map { .string($0.kind) } ?? .null,
      "parameters": .integer(parameterCount), "active": .bool(isActive), "bytes": .integer(byteCount),
      "model": .string(model), "folder": .string(path), "tags": .array(tags.map { .string($0) }),
      "added": .string(created.second),
    ]
    if !joins.isEmpty { members["joins"] = .array(joins.map { .string($0) }) }
    return .object(members)
  }
}

/// Lists registered base models, for people and for programs.
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

  /// One JSON object per base model.
  var objects: [String] { records.map(\.object.line) }
}

extension ModelRecord {
  /// The base model as JSON.
  var object: JSONValue {
    var members: [String: JSONValue] = [
      "name": .string(name), "parameters": .integer(parameterCount), "bytes": .integer(byteCount),
      "default": .bool(isDefault), "folder": .string(path),
    ]
    members["encoder_parameters"] = (try? encoderParameterCount).map { .integer($0) }
    return .object(members)
  }
}

/// JSON objects as an array with one per line, or as JSON Lines.
func listed(_ objects: [String], asArray: Bool) -> String {
  guard asArray else { return objects.map { $0 + "\n" }.joined() }
  return objects.isEmpty ? "[]\n" : "[\n" + objects.map { "  " + $0 }.joined(separator: ",\n") + "\n]\n"
}
