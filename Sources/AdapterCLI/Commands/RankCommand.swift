internal import AdapterHost
internal import ArgumentParser

struct RankCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "rank",
    abstract: "Ranks texts for a query with a reranker's head.",
    discussion: """
      Examples:
        adapter-cli rank --model RERANKER-DIR --query "how to bake bread" --input passages.txt --top-k 3
        adapter-cli rank --adapter reranker=DIR --query "refund" < answers.jsonl

      A reranker is a head of one output that reads the query with each text as its pair. Prints {"index": 4, "text": \
      "...", "score": 0.9} for each text, the highest score first.
      """)

  @Option(help: ArgumentHelp("What the texts are ranked for.", valueName: "text")) var query: String
  @Option(help: ArgumentHelp("Give the k best texts alone.", valueName: "k")) var topK: Int?
  @Option(
    help: ArgumentHelp(
      "What makes scores of the outputs; by default what the head was trained with.", valueName: "function"))
  var functionToApply: ScoreFunction?
  @OptionGroup(title: "Input") var text: TextArguments
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    try requireCount(topK)
    if functionToApply == .softmax {
      throw ValidationError("--function-to-apply softmax makes 1 of any single output; expected sigmoid or none.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    let workspace = try Workspace(workspace.request)
    let model = try workspace.loadModel(compute: computing.compute)
    Terminal.tellWarnings(of: model)
    var options = AnswerOptions()
    options.classification.functionToApply = functionToApply
    var predictor = try Predictor(model, workspace.loadTokenizer(tokenizer.tokenizer), options: options)
    try predictor.requireHead()
    predictor.maximumLength = length.maxLength
    predictor.load = { setup, model in try workspace.load(setup, into: &model) }
    let heads = predictor.answeringHeadSettings
    guard heads.count == 1, predictor.answeringHeads.count == 1, heads[0].settings.givesValue else {
      throw NoReranker(heads: heads)
    }
    var ranking = Ranking(limit: topK)
    var report = TextReport()
    try predictor.predict(text.source().asPairs(of: query)) { batch in
      for prediction in report.values(batch, tokens: \.tokenCount) {
        guard case .value(let score)? = prediction.answers.first?.answer else { throw NoReranker(heads: heads) }
        ranking.add(
          TextInput(prediction.input.pair ?? "", id: prediction.input.id, index: prediction.input.index), score: score)
      }
    }
    try ranking.print(asTable: output.isTable)
    try report.finish()
  }
}

/// The answering head is not a reranker.
private struct NoReranker: Error, CustomStringConvertible {
  let heads: [(name: String, settings: HeadSettings)]

  var description: String {
    let found = heads.map { head in
      let outputs = head.settings.outputs
      return "'\(head.name)' (\(head.settings.kind.rawValue), \(outputs) \(outputs == 1 ? "output" : "outputs"))"
    }
    return "A reranker is one head that classifies with one output; what answers is "
      + "\(found.joined(separator: ", ")). Name one with --model, --adapter or --active-heads, or compare vectors with "
      + "'adapter-cli similar'."
  }
}
