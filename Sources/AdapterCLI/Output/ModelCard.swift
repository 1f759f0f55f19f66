internal import AdapterHost
internal import Foundation

/// Shows a registered base model, for people and for programs.
struct ModelCard {
  private let record: ModelRecord
  private let files: [FileRecord]
  private let items: [RegisteredItem]
  private let setups: [SetupRecord]
  private let activeSetup: String?
  private let encoderParameters: Int
  private let configuration: ConfigurationFields

  init(_ record: ModelRecord, in registry: Registry) throws {
    self.record = record
    files = try registry.files(of: record)
    items = try registry.items(of: record.name)
    setups = try registry.setups(of: record.name)
    activeSetup = try registry.activeSetup(of: record.name)?.expression
    encoderParameters = try record.encoderParameterCount
    configuration = try ConfigurationFields(
      JSONValue(Data(record.configuration.utf8), file: "the configuration of \(record.name)"), file: record.path)
  }

  func lines(width: Int) -> [String] {
    var details = Details()
    details.add("Name", record.name)
    details.add("Default", record.isDefault ? "yes" : "no")
    details.add("Parameters", "\(record.parameterCount.separated), of the encoder \(encoderParameters.separated)")
    for (title, key) in [
      ("Layers", "num_hidden_layers"), ("Hidden size", "hidden_size"), ("Attention heads", "num_attention_heads"),
      ("Vocabulary", "vocab_size"), ("Architectures", "architectures"),
    ] {
      if let value = configuration.members[key], value != .null { details.add(title, value.line) }
    }
    details.add("Adapters", list: items.filter { $0.joins.isEmpty }.map(\.name))
    details.add("Fusions", list: items.filter { !$0.joins.isEmpty }.map(\.name))
    details.add("Setups", list: setups.map(\.name))
    details.add("Active setup", activeSetup ?? "none")
    details.add("Notes", record.notes)
    details.add("Folder", record.path)
    details.add("Size", record.byteCount.asBytes)
    details.add("Added", record.created.minute + " UTC")
    if record.changed != record.created { details.add("Changed", record.changed.minute + " UTC") }
    details.add("Digest", record.digest.text)
    return details.lines(width: width) + [""] + files.table.rendered(width: width)
  }

  /// All details, including the configuration.
  var object: JSONValue {
    get throws {
      .object([
        "name": .string(record.name), "default": .bool(record.isDefault),
        "parameters": .integer(record.parameterCount), "encoder_parameters": .integer(encoderParameters),
        "adapters": .array(items.filter { $0.joins.isEmpty }.map { .string($0.name) }),
        "fusions": .array(items.filter { !$0.joins.isEmpty }.map { .string($0.name) }),
        "setups": .array(setups.map { .string($0.name) }), "active_setup": activeSetup.map { .string($0) } ?? .null,
        "notes": .string(record.notes), "folder": .string(record.path), "bytes": .integer(record.byteCount),
        "added": .string(record.created.second), "changed": .string(record.changed.second),
        "digest": .string(record.digest.text), "files": files.object, "config": .object(configuration.members),
      ])
    }
  }
}
