internal import AdapterHost
internal import ArgumentParser

struct TokenizeCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "Cuts texts into the tokens that a model reads.",
    discussion: """
      Examples:
        adapter-cli tokenize "The cat sat."
        adapter-cli tokenize --model DIR --tokenizer fast --json < texts.txt

      Prints {"index": 0, "ids": [...], "tokens": [...], "offsets": [[0, 3], ...]} for each text. Offsets count \
      Unicode scalars of the text and leave out the space that a piece begins with; [CLS] and [SEP] have [0, 0].
      """)

  @OptionGroup(title: "Input") var text: TextArguments
  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup(title: "Tokenizer") var tokenizer: TokenizerArguments
  @Option(
    help: ArgumentHelp(
      "Cut texts beyond so many tokens, [CLS] and [SEP] included; each line gives how many were cut off.",
      valueName: "n"))
  var maxLength: Int?
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if let maxLength, maxLength < 2 {
      throw ValidationError("--max-length is \(maxLength); [CLS] and [SEP] alone take 2.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
  }

  func run() throws {
    let lines = LineOutput.standard
    let request = WorkspaceRequest(model: base.model, registry: base.registry, usesActiveSetup: false)
    let tokenizer = try Workspace(request).loadTokenizer(tokenizer.tokenizer)
    let table = output.isTable ? TokenTable(width: Terminal.width) : nil
    var failures = 0
    try tokenizer.tokenize(text.source(), maximumLength: maxLength) {
      item, isLast in
      switch item {
      case .success(let tokens): try lines.add(table?.lines(tokens.encoding).joined(separator: "\n") ?? tokens.json)
      case .failure(let failure):
        Terminal.note(failure.description)
        failures += 1
      }
      if isLast { try lines.flush() }
    }
    try lines.flush()
    if failures > 0 { throw UnansweredTexts(count: failures) }
  }
}
