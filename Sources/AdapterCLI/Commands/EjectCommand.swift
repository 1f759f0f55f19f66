internal import AdapterHost
internal import ArgumentParser

struct EjectCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "eject",
    abstract: "Writes a prefix tuning in its flat form: the keys and values without the layers that make them.",
    discussion: """
      Example:
        adapter-cli eject --model DIR --adapter a=DIR --name flat --output DIR

      The result acts the same; in Python it is loaded as prefix_tuning_flat. A union keeps its other members.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup var adapters: AdapterArguments
  @Option(help: "The name of the result.") var name: String
  @Option(help: ArgumentHelp("A new folder.", valueName: "dir")) var output: String
  @OptionGroup(title: "Output") var result: ResultArguments

  func validate() throws {
    guard adapters.adapter.count == 1 else {
      throw ValidationError("Give the adapter as --adapter NAME=DIR, one.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
  }

  func run() throws {
    guard let input = adapters.adapter.first else { return }
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: [name: input.folder], usesActiveSetup: false)
    let workspace = try Workspace(request)
    var model = try workspace.loadModel(compute: Compute(threads: 1))
    try model.ejectPrefixTuning(name)
    try model.export(name, to: output, as: workspace.weightFormat(ofAdapter: name))
    result.report(
      "Wrote \(input.name) with a flat prefix to \(output), as \(name).",
      .object(["name": .string(name), "folder": .string(output), "input": .string(input.name)]))
  }
}
