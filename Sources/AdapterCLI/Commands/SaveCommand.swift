internal import AdapterHost
internal import ArgumentParser

struct SaveCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "save",
    abstract: "Writes a base model with adapters, fusions and heads as one checkpoint, as save_pretrained does.",
    discussion: """
      Examples:
        adapter-cli save whole --setup "Parallel(debian-section, wordnet-domain)"
        adapter-cli save whole --model DIR --adapter a=DIR --head h=DIR --max-shard-size 500MB

      config.json names the adapters, fusions and heads; their tensors stand among the model's. In Python: \
      AutoAdapterModel.from_pretrained("whole"); here: --model whole. Which adapters are active is not saved. What is \
      merged with --merge becomes part of the weights.
      """)

  @Argument(help: "A new folder.") var folder: String
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var threads: ThreadArguments
  @Option(help: ArgumentHelp("An adapter to merge into the weights.", valueName: "name")) var merge: String?
  @Option(help: ArgumentHelp("The most bytes of one file of weights, such as 500MB.", valueName: "size"))
  var maxShardSize = ByteCount(5_000_000_000)
  @OptionGroup(title: "Output") var output: ResultArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    let workspace = try Workspace(self.workspace.request)
    var model = try workspace.loadModel(
      compute: Compute(threads: threads.threads), besides: merge.map { [$0] } ?? [])
    Terminal.tellWarnings(of: model)
    if let merge {
      try model.setActiveAdapters(nil)
      try model.mergeAdapter(merge)
    }
    try model.savePretrained(to: folder, shardSize: maxShardSize.count)
    let adapters = model.adapterNames.filter { $0 != merge }
    output.report(
      "Wrote \(model.name) with \(adapters.count.counting("adapter")), \(model.fusionNames.count.counting("fusion")) and "
        + "\(model.headNames.count.counting("head")) to \(folder).",
      .object([
        "folder": .string(folder), "adapters": .array(adapters.map { .string($0) }),
        "fusions": .array(model.fusionNames.map { .string($0) }), "heads": .array(model.headNames.map { .string($0) }),
        "merged": merge.map { .string($0) } ?? .null,
      ]))
  }
}

/// A number of bytes: `1000`, `500MB`, `5GB`, `1GiB`.
struct ByteCount: ExpressibleByArgument, CustomStringConvertible {
  let count: Int
  let description: String

  init(_ count: Int) { (self.count, description) = (count, "\(count)") }

  init?(argument: String) {
    let units = [
      "": 1, "B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30,
    ]
    let digits = argument.prefix(while: \.isWholeNumber)
    let unit = argument.dropFirst(digits.count).filter { $0 != " " }.uppercased()
    guard let number = Int(digits), number > 0, let factor = units[unit], number < Int.max / factor else { return nil }
    (count, description) = (number * factor, argument)
  }
}
