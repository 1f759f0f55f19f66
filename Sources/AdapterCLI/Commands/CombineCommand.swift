public import AdapterHost
public import ArgumentParser

struct CombineCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "combine",
    abstract: "Makes one adapter of several, or one head of several, by arithmetic on their tensors.",
    discussion: """
      Examples:
        adapter-cli combine --model DIR --adapter a=DIR --adapter b=DIR \\
          --weights 0.7,0.3 --name mean --output DIR
        adapter-cli combine --model DIR --adapter a=DIR --adapter b=DIR \\
          --strategy svd --rank 8 --name ab --output DIR
        adapter-cli combine --model DIR --head h=DIR --head k=DIR --name mean --output DIR

      The inputs have equal settings. Weights are divided by their sum, unless --no-normalize says otherwise; without \
      --weights all count alike. Strategies: linear sums every tensor; negate-b sums LoRA's factors, a negative weight \
      changing the sign of B alone; svd sums LoRA's products B A and keeps --rank of their singular values. The output \
      has the format of the first input.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup var adapters: AdapterArguments
  @Option(help: ArgumentHelp("A head's folder and its name; may be repeated.", valueName: "name=dir"))
  var head: [NamedFolder] = []
  @Option(help: ArgumentHelp("How adapters are combined.", valueName: "strategy"))
  var strategy = WeightedCombination.Strategy.linear
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("A weight for each input, in their order.", valueName: "w,w"))
  var weights: WeightList?
  @Flag(help: "Use the weights as they are.") var noNormalize = false
  @Option(help: "The rank of the result, for svd.") var rank: Int?
  @Option(help: "The name of the result.") var name: String
  @Option(help: ArgumentHelp("A new folder.", valueName: "dir")) var output: String
  @OptionGroup(title: "Output") var result: ResultArguments

  func validate() throws {
    guard adapters.folders.isEmpty != head.isEmpty else {
      throw ValidationError("Give the inputs as --adapter NAME=DIR or as --head NAME=DIR, not as both.")
    }
    if !head.isEmpty, strategy != .linear {
      throw ValidationError("\(CombinationError.headStrategy(strategy.rawValue))")
    }
    if !head.isEmpty, rank != nil { throw ValidationError("A rank is given, but heads have none.") }
    try requireDifferentNames(head, of: "head")
  }

  func run() throws {
    let request = WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: adapters.folders, headFolders: NamedFolders(head),
      usesActiveSetup: false)
    let workspace = try Workspace(request)
    var model = try workspace.loadModel(compute: Compute(threads: 1))
    let inputs = head.isEmpty ? adapters.folders.names : head.map(\.name)
    if head.isEmpty {
      let format = try workspace.weightFormat(ofAdapter: inputs[0])
      let combination = WeightedCombination(
        strategy, weights: weights?.values, normalizesWeights: !noNormalize, rank: rank)
      try model.averageAdapter(name, of: inputs, combination, overwrite: true)
      try model.export(name, to: output, as: format, withHead: false)
    } else {
      let format = try workspace.weightFormat(ofHead: inputs[0])
      try model.averageHead(
        name, of: inputs, weights: weights?.values, normalizesWeights: !noNormalize, overwrite: true)
      try model.export(headNamed: name, to: output, as: format)
    }
    result.report(
      "Wrote \(name), made of \(inputs.joined(separator: ", ")), to \(output).",
      .object([
        "name": .string(name), "folder": .string(output), "inputs": .array(inputs.map { .string($0) }),
        "strategy": .string(strategy.rawValue),
      ]))
  }
}

extension WeightedCombination.Strategy: ExpressibleByArgument {}
