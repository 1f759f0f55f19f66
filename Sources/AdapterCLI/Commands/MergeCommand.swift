internal import AdapterHost
internal import ArgumentParser

struct MergeCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Writes the base model with an adapter's effect in its weights, as a checkpoint.",
    discussion: """
      Examples:
        adapter-cli merge debian-facets merged/facets
        adapter-cli merge mine merged/mine --model DIR --adapter mine=DIR

      The folder gets config.json, model.safetensors in float32 and the tokenizer's files, as transformers loads them. \
      The adapter's head becomes the checkpoint's own, of the class that has its layers, such as \
      DebertaV2ForSequenceClassification; a head that no class has is written beside it, where transformers does not \
      see it. The folder is read back and run before it gets its name. Only methods whose effect is a change of \
      weights can be merged, such as LoRA, not bottlenecks.
      """)

  @Argument(help: "The adapter's name.") var name: String
  @Argument(help: "A new folder.") var folder: String
  @OptionGroup var adapters: AdapterArguments
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
  }

  func run() throws {
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: adapters.folders,
      setup: Composition.adapter(name).description)
    let workspace = try Workspace(request)
    var model = try DebertaV2AdapterModel(folder: workspace.modelFolder)
    Terminal.tellWarnings(of: model)
    try workspace.loadAdapter(name, into: &model)
    let written = try MergedCheckpoint.write(name, of: model, from: workspace.modelFolder, to: folder)
    var lines = [
      "Wrote \(model.name) with \(name) merged to \(folder): \(written.changedTensors.counting("tensor")) changed."
    ]
    var place = JSONValue.null
    switch written.head {
    case .none: break
    case .inClass(let name):
      lines.append("Its head is part of the checkpoint, which transformers loads as \(name).")
      place = .string(name)
    case .beside:
      lines.append(
        "No class of transformers has the layers of its head: it lies beside the checkpoint, where this program finds "
          + "it and transformers does not.")
      place = .string("beside")
    }
    if written.head != .none { lines.append("To use it: adapter-cli predict --model \(folder) TEXT") }
    output.report(
      lines.joined(separator: "\n"),
      .object([
        "name": .string(name), "folder": .string(folder), "changed_tensors": .integer(written.changedTensors),
        "head": place,
      ]))
  }
}
