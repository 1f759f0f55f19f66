internal import AdapterHost
internal import ArgumentParser

struct ImportCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Copies the folder of an adapter, a fusion or a setup next to the registry and registers it.",
    discussion: """
      Examples:
        adapter-cli import ../trained/sentiment
        adapter-cli import Adapters/truecase --as truecase --model deberta-v3-tiny-en
        adapter-cli import ../trained/fusion --as both --joins debian-section,wordnet-domain
        adapter-cli import hf:ORG/NAME@main --as sentiment

      The folder is one that the Python library saved: adapter_config.json with its weights, and head_config.json with \
      a head; adapter_fusion_config.json, of a fusion of registered adapters; adapter_setup.json, with its adapters and \
      fusions in folders below. Or it is one of PEFT. Every tensor is read and checked against the base model \
      first. A folder that lies in the registry's folder of adapters already is registered where it is. What an address \
      stands for is downloaded; the registry keeps the address and the commit, and 'update' looks for a newer one.
      """)

  @Argument(help: "The folder, hf:ORG/NAME, or the address of an archive.") var folder: String
  @Option(
    name: .customLong("as"),
    help: ArgumentHelp("What to call it; by default its own name, a fusion a+b.", valueName: "name"))
  var name: String?
  @Option(
    help: ArgumentHelp("What the adapters of a fusion are called here; by default as saved.", valueName: "a,b"))
  var joins: NameList?
  @Flag(help: "Take an adapter that says it was made for another base model of this shape.") var force = false
  @OptionGroup var naming: LabelArguments
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows { try base.changeFolders(change) }

  func run() throws {
    let fetched = try FolderAddress.fetched(folder)
    let folder = fetched?.path ?? folder
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model)
      let imported = try registry.importFolder(
        folder, as: name, joining: joins?.names, labels: naming.labels?.names, of: model, force: force,
        fetched: fetched)
      if let doubt = PeftBase(of: folder)?.doubt(about: model.path, called: model.name) { Terminal.note(doubt) }
      output.report(
        imported.items.map { item in
          (
            "Registered \(item.name) (\(item.method)) for \(item.model): \(item.path.belowCurrentFolder)",
            item.object
          )
        }
          + (imported.setup.map { setup in
            [
              (
                "Saved the setup \(setup.name): \(setup.composition)",
                .object([
                  "name": .string(setup.name), "setup": .string(setup.composition.description),
                  "model": .string(model.name),
                ])
              )
            ]
          } ?? []))
    }
  }
}
