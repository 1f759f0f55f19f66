public import AdapterHost
public import ArgumentParser

/// The base model and its adapters, for commands that need no heads.
struct EncoderArguments: ParsableArguments, TakesFolders {
  @OptionGroup var base: BaseArguments
  @OptionGroup var adapters: AdapterArguments
  @Option(
    help: ArgumentHelp(
      "The adapters that act, such as 'Stack(a, b)', or the name of a saved setup; by default the one given with "
        + "--adapter, or, without --model, the active setup.", valueName: "expr"))
  var setup: String?
  @OptionGroup var computing: ComputeArguments

  /// The request for these flags. The active setup is meant for heads, usually of several adapters in Parallel; a model
  /// without given adapters is used alone.
  var request: WorkspaceRequest {
    WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: adapters.folders, setup: setup,
      usesActiveSetup: !adapters.adapter.isEmpty)
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
  }
}

/// How vectors for comparison are computed; their length does not matter.
struct ComparedVectorArguments: ParsableArguments {
  @Option(
    help:
      "What a vector is: the mean over the tokens, or the state of [CLS]; by default as modules.json of the model says, or else the mean."
  )
  var pooling: EmbeddingOptions.Pooling?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The hidden states that are read: 0 is the output of the embeddings, -1 the last layer; by default the last.",
      valueName: "n"))
  var layer: Int?

  func embedder(_ arguments: EncoderArguments, _ tokenizer: TokenizerArguments) throws -> Embedder {
    try Embedder(arguments, tokenizer, self, normalize: false)
  }
}

/// How vectors are computed.
struct VectorArguments: ParsableArguments {
  @OptionGroup var vectors: ComparedVectorArguments
  @Flag(help: "Give vectors the length 1.") var normalize = false

  func embedder(_ arguments: EncoderArguments, _ tokenizer: TokenizerArguments) throws -> Embedder {
    try Embedder(arguments, tokenizer, vectors, normalize: normalize)
  }
}

extension Embedder {
  /// Loads what the arguments refer to.
  fileprivate init(
    _ arguments: EncoderArguments, _ tokenizer: TokenizerArguments, _ vectors: ComparedVectorArguments,
    normalize: Bool
  ) throws {
    let workspace = try Workspace(arguments.request)
    let folder = try workspace.sentenceTransformer()
    let options = EmbeddingOptions(
      pooling: vectors.pooling ?? folder?.pooling ?? .mean, layer: vectors.layer,
      normalize: normalize || folder?.normalize ?? false)
    let model = try workspace.loadModel(compute: arguments.computing.compute)
    Terminal.tellWarnings(of: model)
    try self.init(model, workspace.loadTokenizer(tokenizer.tokenizer), options)
    recordedLength = folder?.maximumLength
    load = { setup, model in try workspace.load(setup, into: &model) }
  }
}

/// - Throws: `ValidationError`, if --top-k would return nothing.
func requireCount(_ topK: Int?) throws {
  if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); expected 1 or more.") }
}

extension EmbeddingOptions.Pooling: ExpressibleByArgument {}
