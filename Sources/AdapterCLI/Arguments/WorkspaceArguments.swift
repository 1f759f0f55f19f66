public import AdapterHost
public import ArgumentParser

/// Only the registry.
struct RegistryArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The registry to use.", valueName: "file.sqlite")) var registry: String?

  var location: RegistryLocation { RegistryLocation(given: registry) }
}

/// The base model and the registry.
struct BaseArguments: ParsableArguments, TakesFolders {
  @Option(help: ArgumentHelp("A checkpoint's folder, or the name of a registered base model.", valueName: "dir"))
  var model: String?
  @OptionGroup var registryArguments: RegistryArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    if var folder = model {
      try change(&folder)
      model = folder
    }
  }

  var registry: String? { registryArguments.registry }
  var location: RegistryLocation { registryArguments.location }
}

/// Adapters by name.
struct AdapterArguments: ParsableArguments, TakesFolders {
  @Option(help: ArgumentHelp("An adapter's folder and the name it gets; may be repeated.", valueName: "name=dir"))
  var adapter: [NamedFolder] = []

  func validate() throws { try requireDifferentNames(adapter, of: "adapter") }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows { try adapter.changeFolders(change) }

  var folders: NamedFolders { NamedFolders(adapter) }
}

/// The number of threads.
struct ThreadArguments: ParsableArguments {
  @Option(help: "Threads; by default one for each processor.") var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads); expected 1 or more.") }
  }
}

/// What a pass computes with.
struct ComputeArguments: ParsableArguments {
  @OptionGroup var threadArguments: ThreadArguments
  @Option(
    help: ArgumentHelp(
      "What the linear layers of the base model are computed in: float32, bf16, or int8, which rounds their weights and "
        + "inputs to eight bits; all else stays in float32. By default float32, or int8 for a model that 'quantize' wrote.",
      valueName: "precision"))
  var precision: Precision?

  var compute: Compute { Compute(threads: threadArguments.threads, precision: precision) }
}

extension Precision: ExpressibleByArgument {}

/// The base model, its adapters, and the heads that answer.
struct WorkspaceArguments: ParsableArguments, TakesFolders {
  @OptionGroup var base: BaseArguments
  @OptionGroup var adapters: AdapterArguments
  @Option(help: ArgumentHelp("A head's folder and the name it gets; may be repeated.", valueName: "name=dir"))
  var head: [NamedFolder] = []
  @Option(
    help: ArgumentHelp("The folder of a fusion of adapters, as in x,y=DIR; may be repeated.", valueName: "names=dir"))
  var fusion: [NamedFolder] = []
  @Option(
    help: ArgumentHelp(
      "The adapters that act, such as 'Stack(a, b)', or the name of a saved setup; by default those given with "
        + "--adapter, several of them in Parallel, or else the active setup.", valueName: "expr"))
  var setup: String?
  @Option(
    help: ArgumentHelp(
      "A folder written by save_adapter_setup of the Python library, in place of --setup.", valueName: "dir"))
  var setupFolder: String?
  @Option(
    help: ArgumentHelp("The heads that answer, in this order; by default those of the setup.", valueName: "a,b"))
  var activeHeads: NameList?
  @Option(
    help: ArgumentHelp(
      "Layers in which an adapter gets no modules, as in a=0,2; may be repeated.", valueName: "name=layers"))
  var leaveOut: [NamedLayers] = []
  @Option(help: ArgumentHelp("Layers in which no adapter acts.", valueName: "0,2"))
  var skipLayers: LayerList?
  @Option(
    help: ArgumentHelp(
      "A folder written by save_embeddings of the Python library, and the name it gets; may be repeated.",
      valueName: "name=dir"))
  var embeddings: [NamedFolder] = []
  @Option(
    help: ArgumentHelp(
      "The word embeddings to use: 'default' for the model's own; by default the last ones given.", valueName: "name"))
  var activeEmbeddings: String?

  func validate() throws {
    try requireDifferentNames(embeddings, of: "embeddings")
    try requireDifferentNames(head, of: "head")
    try requireDifferentNames(fusion, of: "fusion")
    if setup != nil, setupFolder != nil {
      throw ValidationError("There are --setup and --setup-folder; expected one of them.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
    try head.changeFolders(change)
    try fusion.changeFolders(change)
    try embeddings.changeFolders(change)
    if var folder = setupFolder {
      try change(&folder)
      setupFolder = folder
    }
  }

  /// The request for these flags.
  var request: WorkspaceRequest { request(labels: nil) }

  /// - Parameter labels: output names for heads without them.
  func request(labels: NameList?) -> WorkspaceRequest {
    var request = WorkspaceRequest(
      model: base.model, registry: base.registry, adapters: adapters.folders, fusions: NamedFolders(fusion),
      headFolders: NamedFolders(head), setup: setup, setupFolder: setupFolder, heads: activeHeads?.names,
      labels: labels?.names)
    for item in leaveOut { request.leaveOut[item.name, default: []].formUnion(item.layers) }
    request.skippedLayers = skipLayers?.layers ?? []
    request.embeddings = NamedFolders(embeddings)
    request.activeEmbeddings = activeEmbeddings
    return request
  }
}

func requireDifferentNames(_ folders: [NamedFolder], of kind: String) throws {
  var names: Set<String> = []
  for item in folders where !names.insert(item.name).inserted {
    throw ValidationError("Two folders are given for the \(kind) '\(item.name)'; one is expected.")
  }
}

extension NamedFolders {
  init(_ folders: [NamedFolder]) {
    self = [:]
    for item in folders { self[item.name] = item.folder }
  }
}

/// Output names for heads without them.
struct LabelArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The names of the outputs, in their order, of a head that has none (LABEL_0, ...).", valueName: "a,b,c"))
  var labels: NameList?
}

/// How texts are tokenized.
struct TokenizerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Whose ids to give: those of transformers' slow or fast tokenizer of the model.", valueName: "variant"))
  var tokenizer = TokenizerVariant.slow
}

/// How texts are tokenized, if a file may specify it as well.
struct ChosenTokenizerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Whose ids to train with: those of transformers' slow tokenizer of the model, by default, or of the fast one.",
      valueName: "variant"))
  var tokenizer: TokenizerVariant?
}

/// How texts are truncated.
struct LengthArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The most tokens of a text, [CLS] and [SEP] included: longer ones are cut, as the answer reports, and the context "
        + "of a question is read in windows of so many. 0 for the model's limit, beyond which its layers cannot tell all "
        + "distances; by default what the head was trained with, or else the tokenizer's "
        + "model_max_length, \(InputLength.standard) at most.", valueName: "n"))
  var maxLength: Int?

  func validate() throws {
    if let maxLength, maxLength != 0, maxLength < 2 {
      throw ValidationError(
        "--max-length is \(maxLength); [CLS] and [SEP] alone take 2. 0 stands for the model's limit.")
    }
  }
}

extension TokenizerVariant: ExpressibleByArgument {}
