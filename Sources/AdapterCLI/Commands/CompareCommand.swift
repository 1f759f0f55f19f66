internal import AdapterHost
internal import ArgumentParser

struct CompareCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares the answers in a precision with those in float32, on examples with known answers.",
    discussion: """
      Examples:
        adapter-cli compare --precision int8 --setup topics --data test.jsonl
        adapter-cli compare --precision bf16 --model DIR --adapter mine=DIR --data test.conll --json

      Data are read as 'evaluate' reads them. For each head: the share of decisions that are the same (a row, a word, or \
      a row and label of a head of several labels), its metric in both, and the largest difference of two logits.
      """)

  @Option(help: "What is compared with float32: int8 or bf16.") var precision: Precision
  @Option(help: ArgumentHelp("The examples.", valueName: "file")) var data: String
  @OptionGroup(title: "Data") var columns: ColumnArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var threads: ThreadArguments
  @OptionGroup(title: "Model") var naming: LabelArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if precision == .float32 {
      throw ValidationError("--precision is float32, with which the other is compared; expected int8 or bf16.")
    }
    _ = try recipe()
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    let workspace = try Workspace(workspace.request(labels: naming.labels), note: Terminal.note)
    let recipe = try recipe()
    let exact = try workspace.loadModel(compute: Compute(threads: threads.threads, precision: .float32))
    Terminal.tellWarnings(of: exact)
    let rounded = try workspace.loadModel(compute: Compute(threads: threads.threads, precision: precision))
    let examples = HeadEvaluation(
      data: data, format: recipe.format, columns: recipe.columns, maximumLength: length.maxLength)
    let comparisons = try examples.comparison(
      of: exact, with: rounded, workspace.loadTokenizer(tokenizer.tokenizer))
    guard output.isTable else {
      for comparison in comparisons { print(comparison.json.line) }
      return
    }
    let table = Table(
      columns: [
        .init(title: "HEAD"), .init(title: "DECISIONS", isNumber: true), .init(title: "AGREEMENT", isNumber: true),
        .init(title: "METRIC"), .init(title: "FLOAT32", isNumber: true),
        .init(title: precision.rawValue.uppercased(), isNumber: true), .init(title: "MAX DRIFT", isNumber: true),
      ], rows: comparisons.map(\.row))
    for line in table.rendered(width: Terminal.width) { print(line) }
  }

  /// How data are read, as a recipe says it.
  private func recipe() throws -> TrainingRecipe {
    var members: [String: JSONValue] = ["train": .string(data)]
    columns.add(to: &members)
    return try TrainingRecipe(flags: members)
  }
}

extension PrecisionComparison {
  fileprivate var row: [String] {
    [
      head, "\(agreement.decisions)", agreement.share.map { ($0 * 100).formatted(decimals: 2) + " %" } ?? "",
      exact.primary.name, exact.primary.value.formatted(decimals: 4), rounded.primary.value.formatted(decimals: 4),
      Double(maximumDrift).formatted(decimals: 4),
    ]
  }
}
