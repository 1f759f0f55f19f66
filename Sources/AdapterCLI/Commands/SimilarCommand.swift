internal import AdapterHost
internal import ArgumentParser

struct SimilarCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "similar",
    abstract: "Finds the texts that are most like a query, by their vectors.",
    discussion: """
      Examples:
        adapter-cli similar --model DIR --query "reads PDF" --input texts.txt
        adapter-cli similar --setup mine --input pairs.jsonl

      The score is the cosine of the angle between two vectors of 'embed', from -1 to 1. Prints {"index": 4, "text": \
      "...", "score": 0.9} for each text, the most similar first. Without --query each line is a pair, \
      {"text": "...", "pair": "..."}, and gets a score of its own, in the order of the input.
      """)

  @Option(help: ArgumentHelp("What the texts are compared with.", valueName: "text")) var query: String?
  @Option(help: ArgumentHelp("Give the k most similar texts alone.", valueName: "k")) var topK: Int?
  @OptionGroup(title: "Input") var text: TextArguments
  @OptionGroup(title: "Model") var workspace: EncoderArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Vectors") var vectors: ComparedVectorArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    try requireCount(topK)
    if query == nil, topK != nil {
      throw ValidationError("--top-k is for --query: pairs are not compared with each other.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    var embedder = try vectors.embedder(workspace, tokenizer)
    embedder.maximumLength = length.maxLength
    var report = TextReport()
    if let query {
      let wanted = try embedder.embed([query])[0]
      var ranking = Ranking(limit: topK)
      try embedder.embed(text.source()) { batch in
        for embedding in report.values(batch, tokens: \.tokenCount) {
          ranking.add(embedding.input, score: embedding.vector.cosineSimilarity(to: wanted))
        }
      }
      try ranking.print(asTable: output.isTable)
    } else {
      try comparePairs(embedder, &report)
    }
    try report.finish()
  }

  /// Scores the two texts on each line.
  private func comparePairs(_ embedder: Embedder, _ report: inout TextReport) throws {
    var first: Embedding?
    try embedder.embed(text.source().splittingPairs()) { batch in
      for embedding in report.values(batch, tokens: \.tokenCount) {
        guard let one = first, one.input.index == embedding.input.index else {
          first = embedding
          continue
        }
        first = nil
        let score = one.vector.cosineSimilarity(to: embedding.vector)
        let pair = RankedText(one.input.paired(with: embedding.input.text), score: score)
        try LineOutput.standard.add(output.isTable ? pair.line : pair.json)
      }
      try LineOutput.standard.flush()
    }
  }
}
