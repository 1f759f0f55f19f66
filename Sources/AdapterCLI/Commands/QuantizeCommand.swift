internal import AdapterHost
internal import ArgumentParser

struct QuantizeCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Writes a base model with int8 weights, which loads fast and takes little memory.",
    discussion: """
      Examples:
        adapter-cli quantize --model DIR --output DIR-int8
        adapter-cli predict --model DIR-int8 --adapter mine=DIR "some text"

      The weights of the linear layers of the encoder's layers become int8 with a scale for each output; every other \
      tensor, the tokenizer and heads are copied. The answers are the very ones of --precision int8 with the model that \
      it was made from; 'adapter-cli compare' measures how far they are from float32. The folder is read back and run \
      before it gets its name.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @Option(help: ArgumentHelp("A new folder.", valueName: "dir")) var output: String
  @OptionGroup(title: "Output") var result: ResultArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
  }

  func run() throws {
    let workspace = try Workspace(
      WorkspaceRequest(model: base.model, registry: base.registry, usesActiveSetup: false))
    let written = try QuantizedCheckpoint.write(workspace.modelFolder, to: output)
    result.report(
      "Wrote \(output): \(written.weights.counting("weight")) of the encoder in int8; its weights take "
        + "\(written.bytes / 1_000_000) MB, those of \(workspace.modelFolder) \(written.sourceBytes / 1_000_000) MB.",
      .object([
        "folder": .string(output), "weights": .integer(written.weights), "bytes": .integer(written.bytes),
        "source_bytes": .integer(written.sourceBytes),
      ]))
  }
}
