internal import AdapterHost
internal import ArgumentParser
internal import Foundation

struct EvaluateCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates adapters and heads on examples with known answers.",
    discussion: """
      Examples:
        adapter-cli evaluate --setup topics --data test.jsonl
        adapter-cli evaluate --model DIR --adapter mine=DIR --data test.conll --max-length 256
        adapter-cli evaluate --setup topics --data test.jsonl --report report --errors wrong.jsonl
        adapter-cli evaluate --setup topics --compare-with 'Stack(general, topics)' --data test.jsonl
        adapter-cli evaluate --setup flags --data dev.jsonl --tune-thresholds

      Data are read as 'train' reads them. The heads that would answer in 'predict' are evaluated, each with the metrics \
      of its task: accuracy, F1, Matthews, Pearson and Spearman, span F1, exact match, or the loss of masked words; with \
      precision, recall and F1 of each label or kind of entity, confusions, calibration and thresholds. Intervals hold \
      95 % of the bootstrap.
      """)

  @Option(help: ArgumentHelp("The examples.", valueName: "file")) var data: String
  @OptionGroup(title: "Data") var columns: ColumnArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @OptionGroup(title: "Model") var naming: LabelArguments
  @OptionGroup(title: "Evaluation") var evaluation: EvaluationArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    _ = try recipe()
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    let workspace = try Workspace(workspace.request(labels: naming.labels), note: Terminal.note)
    let model = try workspace.loadModel(compute: computing.compute)
    Terminal.tellWarnings(of: model)
    let recipe = try recipe()
    let examples = HeadEvaluation(
      data: data, format: recipe.format, columns: recipe.columns, maximumLength: length.maxLength)
    let tokenizer = try workspace.loadTokenizer(self.tokenizer.tokenizer)
    var heads = try examples.results(of: model, tokenizer)
    var noted: Set<String> = []
    for note in heads.flatMap({ $0.data.warnings }) where noted.insert(note).inserted { Terminal.note(note) }

    if evaluation.tuneThresholds {
      let tuned = try workspace.tuneThresholds(of: heads)
      heads = tuned.heads
      for folder in tuned.folders { Terminal.note("Thresholds are stored in \(folder.belowCurrentFolder).") }
    }
    let reports = heads.map { $0.report(evaluation.resampling) }
    let comparisons = try comparisons(heads, workspace, model, examples, tokenizer)
    if let path = evaluation.predictions { try write(heads.flatMap { $0.lines() }, to: path) }
    if let path = evaluation.errors { try write(heads.flatMap { $0.lines(onlyWrong: true) }, to: path) }
    if let folder = evaluation.report {
      try [EvaluatedHead].write(reports, comparisons: comparisons, data: data, to: folder)
    }
    for report in reports {
      let comparison = comparisons[report.head]
      if output.isTable {
        let tables = EvaluationTables(report, comparison: comparison, width: Terminal.width)
        for line in tables.lines { print(line) }
      } else {
        print(report.line(comparedWith: comparison))
      }
    }
  }

  /// Compares each head with the corresponding one in the other setup.
  private func comparisons(
    _ heads: [EvaluatedHead], _ workspace: Workspace, _ model: DebertaV2AdapterModel, _ examples: HeadEvaluation,
    _ tokenizer: any Tokenizer
  ) throws -> [String: (name: String, result: PairedComparison)] {
    guard let text = evaluation.compareWith else { return [:] }
    var other = model
    let setup = try workspace.composition(text)
    try workspace.load(setup, into: &other)
    try other.setActiveAdapters(setup)
    other.activeHeads = evaluation.compareHeads?.names
    let others = try examples.results(of: other, tokenizer)
    guard others.count == heads.count else {
      throw ValidationError(
        "'\(text)' is answered by \(others.count.counting("head")), the setup that is evaluated by \(heads.count). "
          + "Choose as many with --active-heads and --compare-heads.")
    }
    return try Dictionary(
      zip(heads, others).map { head, other in
        (head.head, (text, try PairedComparison(head.outcomes, other.outcomes, evaluation.resampling)))
      }
    ) { first, _ in first }
  }

  private func write(_ lines: [String], to path: String) throws {
    try AtomicFile.write(Data((lines.map { $0 + "\n" }).joined().utf8), to: path)
  }

  /// A recipe with the data settings.
  private func recipe() throws -> TrainingRecipe {
    var members: [String: JSONValue] = ["train": .string(data)]
    columns.add(to: &members)
    return try TrainingRecipe(flags: members)
  }
}

/// What an evaluation reports, and where.
struct EvaluationArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Another setup, or the name of a saved one, on the same examples: the difference, its interval, and how likely it is "
        + "by chance (a permutation test).", valueName: "expr"))
  var compareWith: String?
  @Option(help: ArgumentHelp("The heads that answer after the other setup.", valueName: "a,b")) var compareHeads:
    NameList?
  @Flag(
    help: """
      Choose for each label of a multi-label head the threshold with the best F1 on these examples, and store it in the \
      head's folder; 'predict' then decides by it.
      """)
  var tuneThresholds = false
  @Option(help: ArgumentHelp("A new folder for a report in Markdown with plots in SVG.", valueName: "dir"))
  var report: String?
  @Option(help: ArgumentHelp("A file for every example with what was predicted, in JSON Lines.", valueName: "file"))
  var predictions: String?
  @Option(help: ArgumentHelp("A file for the examples that are answered wrongly, in JSON Lines.", valueName: "file"))
  var errors: String?
  @Option(help: ArgumentHelp("How often examples are drawn again for intervals and tests; 0 for none.", valueName: "n"))
  var resamples = 1_000
  @Option(help: ArgumentHelp("What the draws begin with; equal seeds give equal intervals.", valueName: "n"))
  var seed: UInt64 = 0

  var resampling: Resampling { Resampling(count: resamples, seed: seed) }

  func validate() throws {
    guard (0...100_000).contains(resamples) else {
      throw ValidationError("--resamples is \(resamples); expected 0 to 100000.")
    }
    if compareHeads != nil, compareWith == nil { throw ValidationError("--compare-heads needs --compare-with.") }
    if compareWith != nil, resamples == 0 { throw ValidationError("--compare-with needs --resamples above 0.") }
  }
}
