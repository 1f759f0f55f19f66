internal import AdapterHost
internal import ArgumentParser

struct ForwardCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Runs token ids through a model and writes every tensor that is asked for.",
    discussion: """
      Example:
        adapter-cli forward --model DIR --adapter a=DIR --head a=DIR --setup "Stack(a)" \\
          --inputs inputs.json --output out.safetensors

      The inputs are {"input_ids": [[...]], "attention_mask": [[...]], "token_type_ids": [[...]]}.
      """)

  @Option(help: "The folder of the checkpoint.") var model: String
  @Option(help: ArgumentHelp("An adapter to load; may be repeated.", valueName: "name=dir"))
  var adapter: [NamedFolder] = []
  @Option(help: ArgumentHelp("A head to load; may be repeated.", valueName: "name=dir"))
  var head: [NamedFolder] = []
  @Option(help: ArgumentHelp("The adapters that act, such as 'Stack(a, b)'.", valueName: "expr"))
  var setup: String?
  @Option(help: ArgumentHelp("The heads that answer.", valueName: "a,b")) var activeHeads: String?
  @Option(help: ArgumentHelp("An adapter to merge into the weights.", valueName: "name")) var merge: [String] = []
  @Flag(help: "Write hidden_states/LAYER.") var hiddenStates = false
  @Flag(help: "Write attentions/LAYER.") var attentions = false
  @Flag(help: "Write gating/ADAPTER/LAYER/PLACE.") var gatingScores = false
  @Option(help: ArgumentHelp("The inputs.", valueName: "file.json")) var inputs: String
  @Option(help: ArgumentHelp("Where the tensors go.", valueName: "file.safetensors")) var output: String

  func run() throws {
    var model = try DebertaV2AdapterModel(folder: model)
    for item in adapter { try model.loadAdapter(item.folder, as: item.name, withHead: false) }
    for item in head { try model.loadHead(item.folder, as: item.name) }
    for name in merge { try model.mergeAdapter(name) }
    var kinds: Trace.Kinds = []
    if hiddenStates { kinds.insert(.hiddenStates) }
    if attentions { kinds.insert(.attentions) }
    if gatingScores { kinds.insert(.gatingScores) }
    let request = try ForwardRequest(
      inputs: inputs, setup: setup.map { try Composition($0) }, heads: activeHeads.map(names), recording: kinds)
    try request.run(model, output: output)
  }
}

/// A value of the form NAME=DIR.
struct NamedFolder: ExpressibleByArgument {
  let name: String
  let folder: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    name = String(argument[..<sign])
    folder = String(argument[argument.index(after: sign)...])
  }
}

/// Names between commas.
func names(_ list: String) -> [String] {
  list.split(separator: ",").map { $0.trimmingPrefix(while: \.isWhitespace) }
    .map { name in String(name.reversed().drop(while: \.isWhitespace).reversed()) }
}
