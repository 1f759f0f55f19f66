internal import AdapterHost
internal import ArgumentParser

struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Writes the base model with an adapter's effect in its weights, as a checkpoint.",
    discussion: """
      Examples:
        adapter-cli merge debian-facets merged/facets
        adapter-cli merge mine merged/mine --model DIR --adapter mine=DIR

      The folder gets config.json, model.safetensors in float32 and the tokenizer's files, as transformers loads them, \
      and the adapter's head beside them. It is read back and run before it gets its name. Only methods whose effect \
      is a change of weights can be merged, such as LoRA, not bottlenecks.
      """)

  @Argument(help: "The adapter's name.") var name: String
  @Argument(help: "A new folder.") var folder: String
  @OptionGroup var adapters: AdapterArguments
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: adapters.folders,
      setup: Composition.adapter(name).description)
    let workspace = try Workspace(request)
    var model = try DebertaV2AdapterModel(folder: workspace.modelFolder)
    try workspace.loadAdapter(name, into: &model)
    let changes = try MergedCheckpoint.write(name, of: model, from: workspace.modelFolder, to: folder)
    let head =
      model.head(name) == nil ? "" : "\nIts head answers there: adapter-cli predict --model \(folder) TEXT"
    output.report(
      "Wrote \(model.name) with \(name) merged to \(folder): \(changes.counting("tensor")) changed." + head,
      .object(["name": .string(name), "folder": .string(folder), "changed_tensors": .integer(changes)]))
  }
}
