internal import AdapterHost
internal import ArgumentParser

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Evaluates adapters and heads on examples with known answers.",
    discussion: """
      Examples:
        adapter-cli evaluate --setup topics --data test.jsonl
        adapter-cli evaluate --model DIR --adapter mine=DIR --data test.conll --max-length 256

      Data are read as 'train' reads them. The heads that would answer in 'predict' are evaluated, each with the metrics \
      of its task: accuracy, F1, Matthews, Pearson and Spearman, span F1, exact match, or the loss of masked words.
      """)

  @Option(help: ArgumentHelp("The examples.", valueName: "file")) var data: String
  @OptionGroup(title: "Data") var columns: ColumnArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var naming: LabelArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    _ = try recipe()
  }

  func run() throws {
    let workspace = try Workspace(workspace.request(labels: naming.labels), note: Terminal.note)
    let model = try workspace.loadModel(compute: Compute(threads: self.workspace.threads))
    Terminal.tellWarnings(of: model)
    let recipe = try recipe()
    let evaluation = HeadEvaluation(
      data: data, format: recipe.format, columns: recipe.columns, maximumLength: length.maxLength)
    let results = try evaluation.results(of: model, workspace.loadTokenizer(tokenizer.tokenizer))
    var told: Set<String> = []
    for note in results.flatMap({ $0.data.warnings }) where told.insert(note).inserted {
      Terminal.note(note)
    }
    if output.isTable {
      let rows = results.flatMap { head, result, _ in
        result.metrics.map { [head, $0.name, $0.value.formatted(decimals: 4)] }
      }
      let table = Table(
        columns: [.init(title: "HEAD"), .init(title: "METRIC"), .init(title: "VALUE", isNumber: true)], rows: rows)
      for line in table.rendered(width: Terminal.width) { print(line) }
    } else {
      for (head, result, _) in results {
        print(JSONValue.object(["head": .string(head), "metrics": result.json]).line)
      }
    }
  }

  /// How data are read, as a recipe says it.
  private func recipe() throws -> TrainingRecipe {
    var members: [String: JSONValue] = ["train": .string(data)]
    columns.add(to: &members)
    return try TrainingRecipe(flags: members)
  }
}
