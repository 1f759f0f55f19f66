internal import AdapterHost
internal import Foundation

/// Shows a registered adapter, for people and for programs.
struct AdapterCard {
  private let record: AdapterRecord
  private let files: [FileRecord]
  /// Nil if the adapter's base is unknown.
  private let isForThisBase: Bool?

  init(_ record: AdapterRecord, files: [FileRecord], isForThisBase: Bool?) {
    self.record = record
    self.files = files
    self.isForThisBase = isForThisBase
  }

  func lines(width: Int) -> [String] {
    var details = Details()
    details.add("Name", record.name)
    details.add("Base model", record.model)
    details.add("Method", record.method)
    details.add("Head", record.head?.kind ?? "none")
    details.add("Labels", list: record.head?.labels ?? [])
    details.add("Parameters", record.parameterCount.separated)
    details.add("Active", record.isActive ? "yes, in the active setup" : "no")
    details.add("Tags", list: record.tags)
    details.add("Notes", record.notes)
    details.add("Metrics", record.metrics)
    details.add("Folder", record.path)
    details.add("Size", record.byteCount.asBytes)
    details.add("Source", record.source)
    if let origin = record.origin { details.add("Revision", origin.revision) }
    details.add("Made for", madeFor)
    details.add(recipe: try? record.recipe)
    details.add("Added", record.created.minute + " UTC")
    if record.changed != record.created { details.add("Changed", record.changed.minute + " UTC") }
    details.add("Digest", record.digest.text)
    return details.lines(width: width) + [""] + files.table.rendered(width: width)
  }

  private var madeFor: String {
    switch (isForThisBase, record.baseDigest) {
    case (true?, _): "this base model (by digest)"
    case (false?, let digest?): "another base model, with digest \(digest.short)"
    default: "a base model of this shape (its digest is not known)"
    }
  }

  /// All details, including the configuration.
  var object: JSONValue {
    get throws {
      .object([
        "name": .string(record.name), "model": .string(record.model), "method": .string(record.method),
        "head": record.head?.object ?? .null,
        "parameters": .integer(record.parameterCount), "active": .bool(record.isActive),
        "tags": .array(record.tags.map { .string($0) }), "notes": .string(record.notes),
        "metrics": try record.metrics.map { try JSONValue(Data($0.utf8), file: "the metrics of \(record.name)") }
          ?? .null,
        "folder": .string(record.path), "bytes": .integer(record.byteCount), "source": .string(record.source),
        "origin": record.origin.map { origin in
          .object(["address": .string(origin.address), "revision": .string(origin.revision)])
        } ?? .null,
        "digest": .string(record.digest.text), "base_digest": record.baseDigest.map { .string($0.text) } ?? .null,
        "added": .string(record.created.second), "changed": .string(record.changed.second),
        "files": files.object,
        "recipe": try record.recipe.map { .object($0) } ?? .null,
        "config": try JSONValue(Data(record.configuration.utf8), file: "the configuration of \(record.name)"),
      ])
    }
  }
}
