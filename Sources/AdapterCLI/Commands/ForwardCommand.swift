internal import AdapterHost
internal import ArgumentParser

struct ForwardCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "forward",
    abstract: "Runs token ids through a model and writes every tensor that is requested.",
    discussion: """
      Example:
        adapter-cli forward --model DIR --adapter a=DIR --head a=DIR --setup "Stack(a)" \\
          --inputs inputs.json --output out.safetensors

      The inputs are {"input_ids": [[...]], "attention_mask": [[...]], "token_type_ids": [[...]]}. The output has \
      last_hidden_state, logits/HEAD, and what the flags name. With --model, adapters act only if --setup names them.
      """)

  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @Option(help: ArgumentHelp("An adapter to merge into the weights; may be repeated.", valueName: "name"))
  var merge: [String] = []
  @Flag(help: "Write hidden_states/LAYER.") var hiddenStates = false
  @Flag(help: "Write attentions/LAYER.") var attentions = false
  @Flag(help: "Write fusion_attentions/A+B/LAYER/PLACE.") var fusionAttentions = false
  @Flag(help: "Write gating/ADAPTER/LAYER/PLACE.") var gatingScores = false
  @Option(help: ArgumentHelp("The inputs.", valueName: "file.json")) var inputs: String
  @Option(help: ArgumentHelp("Where the tensors go.", valueName: "file.safetensors")) var output: String

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    var request = workspace.request
    request.usesActiveSetup = false
    let workspace = try Workspace(request, note: Terminal.note)
    var model = try workspace.loadModel(compute: computing.compute, besides: merge)
    Terminal.tellWarnings(of: model)
    for name in merge { try model.mergeAdapter(name) }
    try ForwardRequest(inputs: inputs, setup: workspace.setup, heads: workspace.heads, recording: kinds)
      .run(model, output: output)
  }

  private var kinds: Trace.Kinds {
    var kinds: Trace.Kinds = []
    if hiddenStates { kinds.insert(.hiddenStates) }
    if attentions { kinds.insert(.attentions) }
    if fusionAttentions { kinds.insert(.fusionAttentions) }
    if gatingScores { kinds.insert(.gatingScores) }
    return kinds
  }
}
