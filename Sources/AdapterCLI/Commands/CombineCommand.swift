public import AdapterHost
public import ArgumentParser

struct CombineCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "combine",
    abstract: "Makes one adapter of several, or one head of several, by arithmetic on their tensors.",
    discussion: """
      Examples:
        adapter-cli combine --model DIR --adapter a=DIR --adapter b=DIR \\
          --weights 0.7,0.3 --name mean --output DIR
        adapter-cli combine --model DIR --adapter a=DIR --adapter b=DIR \\
          --strategy svd --rank 8 --name ab --output DIR
        adapter-cli combine --model DIR --adapter a=DIR --adapter b=DIR \\
          --strategy peft-ties --weights 1,0.5 --density 0.3 --name ab --output DIR
        adapter-cli combine --model DIR --head h=DIR --head k=DIR --name mean --output DIR

      The inputs have equal settings. Weights are divided by their sum, unless --no-normalize says otherwise; without \
      --weights all count alike. Strategies: linear sums every tensor; negate-b sums LoRA's factors, a negative weight \
      changing the sign of B alone; svd sums LoRA's products B A and keeps --rank of their singular values. The output \
      has the format of the first input.

      The strategies peft-linear, peft-cat, peft-svd, peft-ties, peft-dare-linear and the like are those of PEFT's \
      add_weighted_adapter, for LoRA and IA3: they need --weights, never normalize them, and write a folder of PEFT.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup var adapters: AdapterArguments
  @Option(help: ArgumentHelp("A head's folder and its name; may be repeated.", valueName: "name=dir"))
  var head: [NamedFolder] = []
  @Option(help: ArgumentHelp("How adapters are combined.", valueName: "strategy"))
  var strategy = CombineStrategy.reference(.linear)
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("A weight for each input, in their order.", valueName: "w,w"))
  var weights: WeightList?
  @Flag(help: "Use the weights as they are.") var noNormalize = false
  @Option(help: "The rank of the result, for strategies with svd.") var rank: Int?
  @Option(help: "The share of values that is kept, for strategies that prune: ties, dare, magnitude-prune.")
  var density: Float?
  @Option(help: ArgumentHelp("What decides the sign that counts in ties.", valueName: "total|frequency"))
  var majoritySign: PeftCombination.MajoritySign?
  @Option(help: ArgumentHelp("The quantile to which values are cut, for PEFT's strategies with svd.", valueName: "q"))
  var svdClamp: Float?
  @Option(help: "Repeats what the dare strategies keep at random.") var seed: UInt64?
  @Option(help: "The name of the result.") var name: String
  @Option(help: ArgumentHelp("A new folder.", valueName: "dir")) var output: String
  @OptionGroup(title: "Output") var result: ResultArguments

  func validate() throws {
    guard adapters.folders.isEmpty != head.isEmpty else {
      throw ValidationError("Give the inputs as --adapter NAME=DIR or as --head NAME=DIR, not as both.")
    }
    if !head.isEmpty, strategy != .reference(.linear) {
      throw ValidationError("\(CombinationError.headStrategy(strategy.name))")
    }
    switch strategy {
    case .reference:
      let options: [(name: String, isGiven: Bool)] = [
        ("density", density != nil), ("majority-sign", majoritySign != nil), ("svd-clamp", svdClamp != nil),
        ("seed", seed != nil),
      ]
      if let odd = options.first(where: \.isGiven) {
        throw ValidationError("--\(odd.name) has no effect on the strategy \(strategy.name).")
      }
    case .peft(let own):
      if weights == nil { throw ValidationError("The strategy \(strategy.name) needs --weights, one for each input.") }
      if noNormalize {
        throw ValidationError("--no-normalize has no effect: the strategy \(strategy.name) never normalizes weights.")
      }
      if seed != nil, !own.isRandom { throw ValidationError("--seed has no effect on the strategy \(strategy.name).") }
    }
    if !head.isEmpty, rank != nil { throw ValidationError("A rank is given, but heads have none.") }
    try requireDifferentNames(head, of: "head")
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
    try head.changeFolders(change)
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
      switch strategy {
      case .reference(let strategy):
        let combination = WeightedCombination(
          strategy, weights: weights?.values, normalizesWeights: !noNormalize, rank: rank)
        try model.averageAdapter(name, of: inputs, combination, overwrite: true)
      case .peft(let strategy):
        var combination = PeftCombination(strategy, weights: weights?.values ?? [])
        (combination.rank, combination.density, combination.clamp) = (rank, density, svdClamp)
        combination.majoritySign = majoritySign ?? .total
        combination.seed = seed ?? 0
        try model.addWeightedAdapter(name, of: inputs, combination, overwrite: true)
      }
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
        "strategy": .string(strategy.name),
      ]))
  }
}

/// A strategy of `adapters` or of PEFT.
enum CombineStrategy: Equatable, ExpressibleByArgument {
  case reference(WeightedCombination.Strategy)
  case peft(PeftCombination.Strategy)

  private static let prefix = "peft-"

  init?(argument: String) {
    if let own = WeightedCombination.Strategy(rawValue: argument) {
      self = .reference(own)
    } else if argument.hasPrefix(Self.prefix),
      let own = PeftCombination.Strategy(rawValue: String(argument.dropFirst(Self.prefix.count)))
    {
      self = .peft(own)
    } else {
      return nil
    }
  }

  var name: String {
    switch self {
    case .reference(let own): own.rawValue
    case .peft(let own): Self.prefix + own.rawValue
    }
  }

  var defaultValueDescription: String { name }

  static var allValueStrings: [String] {
    WeightedCombination.Strategy.allCases.map(\.rawValue)
      + PeftCombination.Strategy.allCases.map { prefix + $0.rawValue }
  }
}

extension PeftCombination.MajoritySign: ExpressibleByArgument {}
