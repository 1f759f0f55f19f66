internal import AdapterHost
public import ArgumentParser
internal import Foundation

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a registered adapter or fusion with its head to a folder that the Python library loads.",
    discussion: """
      Examples:
        adapter-cli export debian-section /tmp/debian-section
        adapter-cli export debian-section /tmp/small --format safetensors
        adapter-cli export debian-facets /tmp/peft --peft

      In Python: model.load_adapter("/tmp/debian-section"), of a fusion model.load_adapter_fusion(...). They look for \
      the .bin files, and with use_safetensors=True for the others. Whatever stops the command, the folder is wholly \
      there or not at all.

      With --peft the folder is one for PeftModel.from_pretrained: of LoRA, of IA3, and of every adapter that came \
      from PEFT. It holds the head, too, if transformers has a head with the same layers for the base model; a note \
      says so if it has not.
      """)

  @Argument(help: "The name of an adapter or a fusion.") var name: String
  @Argument(help: "A new folder.") var folder: String
  @Option(
    help: ArgumentHelp(
      "The files that the weights go to; by default both, with --peft safetensors.", valueName: "format"))
  var format: WeightFormat?
  @Flag(help: "Write a folder of Hugging Face's PEFT, for LoRA, IA3 and what came from PEFT.") var peft = false
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let item = try registry.item(named: name, of: registry.model(nameOrFolder: base.model).name)
    try ExportedFolder.write(item, from: base, to: folder, format, peft: peft)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    output.report(
      "Wrote \(name) to \(folder).",
      .object([
        "name": .string(name), "folder": .string(folder), "files": .array(files.map { .string($0) }),
      ]))
  }
}

extension WeightFormat: ExpressibleByArgument {}

/// The folder of a registered adapter or fusion, as other programs read it.
enum ExportedFolder {
  static func write(
    _ item: RegisteredItem, from base: BaseArguments, to folder: String, _ format: WeightFormat?, peft: Bool
  ) throws {
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, setup: item.composition.description)
    let workspace = try Workspace(request)
    let model = try workspace.loadModel(compute: Compute(threads: 1))
    switch item.record {
    case .adapter where peft:
      let hasHead = try model.exportPeft(item.name, base: workspace.modelFolder, to: folder, as: format ?? .safetensors)
      if !hasHead, let head = item.head {
        Terminal.note(
          "Without its head (\(head.kind)): transformers makes no head with these layers of this base model. Export the "
            + "adapter without --peft to keep it.")
      }
    case .fusion where peft:
      throw ValidationError("'\(item.name)' is a fusion, which PEFT does not have; export it without --peft.")
    case .adapter: try model.export(item.name, to: folder, as: format ?? .both)
    case .fusion: try model.export(fusionOf: item.joins, to: folder, as: format ?? .both)
    }
  }
}
