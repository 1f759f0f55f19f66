internal import AdapterHost
internal import ArgumentParser

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a registered adapter with its head to a folder that the Python library loads.",
    discussion: """
      Example:
        adapter-cli export debian-section /tmp/debian-section

      Whatever stops it, the folder is wholly there or not at all.
      """)

  @Argument(help: "The adapter's name.") var name: String
  @Argument(help: "A new folder.") var folder: String
  @OptionGroup(title: "Registry") var base: BaseArguments

  func run() throws {
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, setup: Composition.adapter(name).description)
    try Workspace(request).loadModel(compute: Compute(threads: 1)).export(name, to: folder)
    print("Wrote \(name) to \(folder).")
  }
}
