internal import AdapterHost
internal import ArgumentParser

struct PredictCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Answers texts with the heads of one or many adapters.",
    discussion: """
      Examples:
        adapter-cli predict "A library for reading PDF files."
        adapter-cli predict --input texts.txt --max-length 128 > answers.jsonl
        adapter-cli predict --input reviews.csv --column review
        adapter-cli predict --setup "Parallel(a, b)" --scores < texts.jsonl
        adapter-cli predict --model DIR --adapter mine=DIR "Some text."
        adapter-cli predict --model DIR "A [MASK] who plays the piano."
        adapter-cli predict --adapter squad=DIR <<< '{"text": "Who wrote it?", "pair": "Mary Shelley wrote it."}'
        adapter-cli predict --adapter ner=DIR --aggregation simple --stride 32 --input letters.txt
        adapter-cli predict --model NLI-DIR --zero-shot "sport,politics,music" "The match ended late."

      A line of JSON Lines is {"text": "...", "pair": "...", "contexts": ["...", ...], "choices": ["...", ...], \
      "adapter": "Stack(a, b)", "id": ...}. Only the text is needed, and what its heads read: the text is a question, \
      and the pair the context that answers it, or the best answer of several contexts is given with the number of its \
      context, or the choices are the texts to choose from, at least two. The adapter acts on this line alone, and the \
      id comes back.

      Lines of training data are read, too: without "text" the usual names apply, such as "question", \
      "prompt" and "sentence1", "context", "passage" and "sentence2", and choices may stand in "options", "endings", \
      "choice0", ... or {"text": [...]}. A list "tokens" or "words" holds words that are given beforehand: heads that \
      label words label these. A head that chooses does not read the pair; if no other head reads it, the line is refused.

      A head that a line gives no context or no choices is left out, which is noted once. A line that cannot be read, or \
      that no head answers, is reported with its number; the others are answered, and the exit code is 1. A context \
      that is longer than --max-length is read in overlapping windows, and the best answer of all windows is given.

      An answer is {"index": 0, "text": "...", "heads": {"NAME": ...}}, a head's part a label with its score, labels \
      with scores, a value, spans with offsets in Unicode scalars, the likeliest pieces for each [MASK] of the text, \
      the answer to a question with its place in the context (empty if there is none), or the choice, counted from 0. \
      Ctrl-C ends with everything written that was answered.
      """)

  @OptionGroup(title: "Input") var text: TextArguments
  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @OptionGroup(title: "Model") var naming: LabelArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Answers") var answers: AnswerArguments
  @OptionGroup(title: "Output") var output: OutputArguments
  @Flag(help: "Report on standard error what was loaded, and how long everything took.") var verbose = false

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    let lines = LineOutput.standard
    let predictor = try predictor()
    // Fails before prompting for texts that nothing would answer.
    if text.isTyped { try predictor.requireHead() }
    let source = try text.source()
    if length.maxLength == 0, let limit = predictor.model.configuration.advisedLength {
      Terminal.note(
        "Texts are cut at \(limit) tokens, beyond which this model's layers cannot tell all distances; a larger "
          + "--max-length reads on.")
    }
    var printer = PredictionPrinter(
      lines, table: output.isTable ? table(predictor) : nil, showsAllScores: answers.scores,
      ranks: answers.topK != nil, advisedLength: predictor.model.configuration.advisedLength)
    try predictor.predict(source) { batch in try printer.print(batch) }
    if verbose { Terminal.note("Answered \(printer.progress.summary).") }
    try printer.finish()
  }

  private func predictor() throws -> Predictor {
    let start = ContinuousClock.now
    let workspace = try Workspace(workspace.request(labels: naming.labels), note: Terminal.note)
    let model = try workspace.loadModel(compute: computing.compute)
    Terminal.tellWarnings(of: model)
    var predictor = try Predictor(model, workspace.loadTokenizer(tokenizer.tokenizer), options: answers.options)
    try answers.requireEffect(on: predictor.answeringHeadSettings)
    for (target, piece) in predictor.options.masks.shortenedTargets(predictor.tokenizer) {
      Terminal.note("The target '\(target)' is no piece of the vocabulary; its first piece '\(piece)' counts.")
    }
    predictor.maximumLength = length.maxLength
    predictor.load = { setup, model in try workspace.load(setup, into: &model) }
    if verbose { Terminal.note("Loaded \(model.summary) in \((ContinuousClock.now - start).milliseconds) ms.") }
    return predictor
  }

  private func table(_ predictor: Predictor) -> PredictionTable {
    PredictionTable(
      width: Terminal.width, heads: predictor.answeringHeads, showsAllScores: answers.scores,
      ranks: answers.topK != nil)
  }
}

extension Duration {
  /// Whole milliseconds.
  fileprivate var milliseconds: Int { Int(components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000) }
}

extension DebertaV2AdapterModel {
  /// A summary of what is loaded, for display.
  fileprivate var summary: String {
    let adapters = adapterNames.map { name in "\(name) (\(adapter(name)?.methodName ?? ""))" }
    return "\(name)" + (adapters.isEmpty ? " without adapters" : " with \(adapters.joined(separator: ", "))")
      + ", \(compute.instructionSet) kernels, \(compute.threads.width) threads,"
  }
}
