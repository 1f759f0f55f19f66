internal import AdapterHost
internal import Foundation

/// Shows a registered fusion, for people and for programs.
struct FusionCard {
  private let record: FusionRecord
  private let files: [FileRecord]
  private let isActive: Bool

  init(_ record: FusionRecord, files: [FileRecord], isActive: Bool) {
    self.record = record
    self.files = files
    self.isActive = isActive
  }

  func lines(width: Int) -> [String] {
    var details = Details()
    details.add("Name", record.name)
    details.add("Base model", record.model)
    details.add("Method", RegisteredItem.fusionMethod)
    details.add("Joins", list: record.adapters)
    details.add("Head", record.head?.kind ?? "none")
    details.add("Labels", list: record.head?.labels ?? [])
    details.add("Parameters", record.parameterCount.separated)
    details.add("Active", isActive ? "yes, in the active setup" : "no")
    details.add("Notes", record.notes)
    details.add("Folder", record.path)
    details.add("Size", record.byteCount.asBytes)
    details.add("Source", record.source)
    details.add(recipe: try? record.recipe)
    details.add("Added", record.created.minute + " UTC")
    if record.changed != record.created { details.add("Changed", record.changed.minute + " UTC") }
    details.add("Digest", record.digest.text)
    return details.lines(width: width) + [""] + files.table.rendered(width: width)
  }

  /// All details, including the configuration.
  var object: JSONValue {
    get throws {
      .object([
        "name": .string(record.name), "model": .string(record.model), "method": .string(RegisteredItem.fusionMethod),
        "joins": .array(record.adapters.map { .string($0) }), "head": record.head?.object ?? .null,
        "parameters": .integer(record.parameterCount), "active": .bool(isActive), "notes": .string(record.notes),
        "folder": .string(record.path), "bytes": .integer(record.byteCount), "source": .string(record.source),
        "digest": .string(record.digest.text), "added": .string(record.created.second),
        "changed": .string(record.changed.second), "files": files.object,
        "recipe": try record.recipe.map { .object($0) } ?? .null,
        "config": try JSONValue(Data(record.configuration.utf8), file: "the configuration of \(record.name)"),
      ])
    }
  }
}

extension [FileRecord] {
  /// Files with their digests.
  var table: Table {
    Table(
      columns: [
        Table.Column(title: "FILE"), Table.Column(title: "SIZE", isNumber: true),
        Table.Column(title: "SHA-256", isOptional: true),
      ],
      rows: map { [$0.name.onOneLine, $0.byteCount.asBytes, $0.digest.short] })
  }

  var object: JSONValue {
    .array(
      map { file in
        .object([
          "name": .string(file.name), "bytes": .integer(file.byteCount), "digest": .string(file.digest.text),
        ])
      })
  }
}

extension HeadDescription {
  var object: JSONValue { .object(["kind": .string(kind), "labels": .array(labels.map { .string($0) })]) }
}
