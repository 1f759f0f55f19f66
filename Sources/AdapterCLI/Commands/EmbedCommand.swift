internal import AdapterHost
internal import ArgumentParser

struct EmbedCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Makes a vector of each text.",
    discussion: """
      Examples:
        adapter-cli embed --model DIR --normalize "A library for PDF files."
        adapter-cli embed --setup mine --input texts.txt --pooling cls > v.jsonl
        adapter-cli embed --adapter mine=DIR --input texts.jsonl --output vectors.npy

      A vector is the mean of the last hidden states over all tokens, [CLS] and [SEP] included, or the state of [CLS]. \
      Prints {"index": 0, "embedding": [...]} for each text, or writes a [texts, numbers] array of float32 that NumPy \
      loads. Lines of --input are read as those of 'predict'. A text without a vector is reported and the exit code is \
      1; an array is then not written, since its rows would not be those of the texts.
      """)

  @OptionGroup(title: "Input") var text: TextArguments
  @OptionGroup(title: "Model") var workspace: EncoderArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @OptionGroup(title: "Tokenizer") var length: LengthArguments
  @OptionGroup(title: "Vectors") var vectors: VectorArguments
  @OptionGroup(title: "Output") var output: OutputArguments
  @OptionGroup(title: "Output") var array: ArrayArguments

  /// The output file for an array, if requested.
  private var path: String? { array.output }

  func validate() throws {
    guard let path else { return }
    if !path.hasSuffix(".npy") {
      throw ValidationError(
        "--output is '\(path)'; expected a name that ends with .npy. JSON Lines go to standard output.")
    }
    if output.table { throw ValidationError("--output writes an array; leave --table out.") }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    var embedder = try vectors.embedder(workspace, tokenizer)
    embedder.maximumLength = length.maxLength
    var rows = path.map { _ in NumpyArray(columns: embedder.model.configuration.hiddenSize) }
    let lines = LineOutput.standard
    var report = TextReport()
    try embedder.embed(text.source()) { batch in
      for embedding in report.values(batch, tokens: \.tokenCount) {
        if rows != nil {
          rows?.append(embedding.vector)
        } else {
          try lines.add(output.isTable ? line(embedding) : embedding.json)
        }
      }
      try lines.flush()
    }
    try report.finish()
    if let path, let rows { try rows.write(to: path) }
  }

  /// The text and the start of its vector.
  private func line(_ embedding: Embedding) -> String {
    let start = embedding.vector.prefix(6).map { Double($0).formatted(decimals: 3) }.joined(separator: " ")
    return "\(embedding.input.text.onOneLine.cut(to: Terminal.width))\n  \(start)"
      + (embedding.vector.count > 6 ? " … (\(embedding.vector.count))" : "")
  }
}

/// The output file for vectors.
struct ArrayArguments: ParsableArguments {
  @Option(help: ArgumentHelp("Write an array to this file, and no lines.", valueName: "file.npy")) var output: String?
}
