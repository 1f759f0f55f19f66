internal import AdapterHost
internal import ArgumentParser

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Copies an adapter's folder beside the registry and registers it.",
    discussion: """
      Examples:
        adapter-cli import ../trained/sentiment
        adapter-cli import Adapters/truecase --as truecase --model deberta-v3-tiny-en

      The folder is one that the Python library saved: adapter_config.json with its weights, and head_config.json with \
      a head; or one of PEFT with LoRA. Every tensor is read and checked against the base model first. A folder that \
      lies in the registry's folder of adapters already is registered where it is. Fusions are not registered: \
      'adapter-cli forward --fusion' takes their folders.
      """)

  @Argument(help: "The adapter's folder.") var folder: String
  @Option(name: .customLong("as"), help: ArgumentHelp("What to call it; by default its own name.", valueName: "name"))
  var name: String?
  @Flag(help: "Take an adapter that says it was made for another base model of this shape.") var force = false
  @OptionGroup(title: "Registry") var base: BaseArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model)
      let (savedName, description) = try AdapterDescription.readForImport(folder, for: model)
      let record = try registry.importAdapter(
        folder: folder, as: name ?? savedName, of: model.name, describedBy: description, force: force)
      print("Registered \(record.name) (\(record.method)) for \(record.model): \(record.path.belowCurrentFolder)")
    }
  }
}
