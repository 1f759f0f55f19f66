public import AdapterHost
public import ArgumentParser

/// The base model and the registry.
struct BaseArguments: ParsableArguments {
  @Option(help: ArgumentHelp("A checkpoint's folder, or the name of a registered base model.", valueName: "dir"))
  var model: String?
  @Option(help: ArgumentHelp("The registry to use.", valueName: "file.sqlite")) var registry: String?

  var location: RegistryLocation { RegistryLocation(given: registry) }
}

/// The base model, the adapters that act on it, and the heads that answer.
struct WorkspaceArguments: ParsableArguments {
  @OptionGroup var base: BaseArguments
  @Option(
    help: ArgumentHelp(
      "An adapter's folder and the name it gets; may be repeated. Without --setup the adapters given act, several of "
        + "them in Parallel.", valueName: "name=dir"))
  var adapter: [NamedFolder] = []
  @Option(help: ArgumentHelp("The adapters that act, such as 'Stack(a, b)'.", valueName: "expr")) var setup: String?
  @Option(
    help: ArgumentHelp("The heads that answer; by default those named like the adapters.", valueName: "a,b"))
  var activeHeads: NameList?
  @Option(help: "Threads; by default one for each processor.") var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads); expected 1 or more.") }
    var names: Set<String> = []
    for item in adapter where !names.insert(item.name).inserted {
      throw ValidationError("Two folders are given for the adapter '\(item.name)'; one is expected.")
    }
  }

  /// What the flags ask for.
  var request: WorkspaceRequest {
    WorkspaceRequest(
      model: base.model, registry: base.registry,
      adapters: Dictionary(adapter.map { ($0.name, $0.folder) }) { first, _ in first }, setup: setup,
      heads: activeHeads?.names)
  }
}

/// How texts become tokens.
struct TokenizerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Whose ids to give: DebertaV2Tokenizer's or DebertaV2TokenizerFast's.", valueName: "variant"))
  var tokenizer = DebertaV2Tokenizer.Variant.slow
  @Option(
    help: ArgumentHelp(
      "Cut texts beyond so many tokens, [CLS] and [SEP] included; each answer tells how many were cut off.",
      valueName: "n"))
  var maxLength: Int?

  func validate() throws {
    if let maxLength, maxLength < 2 {
      throw ValidationError("--max-length is \(maxLength); [CLS] and [SEP] alone take 2.")
    }
  }
}

extension DebertaV2Tokenizer.Variant: ExpressibleByArgument {}
