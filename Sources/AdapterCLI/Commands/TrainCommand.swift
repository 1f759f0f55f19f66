internal import AdapterHost
internal import ArgumentParser
internal import Foundation

struct TrainCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains an adapter and its head, and registers the result.",
    discussion: """
      Examples:
        adapter-cli train --adapter topics --head classification --train a.jsonl
        adapter-cli train --adapter names --config "lora[r=8]" --head tagging \\
          --train a.conll --dev b.conll --epochs 5 --learning-rate 3e-3
        adapter-cli train --adapter topics --settings run.json --seed 2
        adapter-cli train --settings runs/topics/recipe.json --output runs/again
        adapter-cli train --resume --output runs/topics

      Data are JSON Lines, CSV, TSV, CoNLL columns or plain text. A settings file is a JSON object; flags come before \
      what it says, and 'adapter-cli train --keys' lists what it may say.

      The output folder holds recipe.json (a settings file with everything that the run was done by), the state of the \
      run, log.jsonl, curves.svg, summary.json and the trained adapters. Ctrl-C, a closed terminal or a request to end \
      saves the state first; --resume goes on from there to the same bits, without other flags. The parameters of the \
      best evaluation are kept: by macro F1 for classes, or by the metric that 'best_by' names.
      """)

  @OptionGroup(title: "Adapter") var adapters: TrainedAdapterArguments
  @OptionGroup(title: "Data") var data: DataArguments
  @OptionGroup(title: "Training") var training: TrainingArguments
  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup(title: "Model") var tokenizer: ChosenTokenizerArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @Option(help: ArgumentHelp("The folder of the run; by default runs/NAME.", valueName: "dir")) var output: String?
  @Flag(help: "Go on with the run in the output folder, by its recipe.") var resume = false
  @Flag(help: "Replace a registered adapter of the name.") var overwrite = false
  @Flag(help: "Leave the registry as it is; the result is in the output folder.") var unregistered = false
  @Flag(help: "Write the summary as JSON.") var json = false
  @Flag(help: "List the keys of a settings file, and do nothing else.") var keys = false

  func validate() throws {
    if keys { return }
    if let adapter = adapters.adapter, adapter.parts.contains("") {
      throw ValidationError("--adapter is '\(adapter)'; expected NAME or NAME=DIR.")
    }
    if output == "" { throw ValidationError("--output is empty; expected a folder.") }
    if resume {
      if output == nil, adapters.adapter == nil {
        throw ValidationError("Missing --output DIR: which run is to go on?")
      }
      return
    }
    // Errors in a settings file are reported when it is read.
    if let members = try? members(), members["adapter"] == nil, members["setup"] == nil { throw Self.namesNothing }
    if training.settings != nil { return }
    guard data.train != nil else { throw ValidationError("Missing --train FILE: the examples.") }
    _ = try TrainingRecipe(flags: members())
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
  }

  func run() throws {
    if keys { return Self.printKeys() }
    let folder = output ?? adapters.adapter?.parts.first.map { "runs/\($0)" }
    let recipe = try resume ? resumedRecipe(folder ?? "") : TrainingRecipe(members(), file: source)
    let parts = recipe.adapter?.parts ?? []
    guard let name = parts.first ?? recipe.nameOfSetup else { throw Self.namesNothing }
    let run = try TrainingSession(
      recipe, adapter: name, folder: parts.count == 2 ? parts[1] : nil, registry: base.registry,
      threads: computing.threadArguments.threads, output: folder ?? "runs/\(name)")
    try run.run(resume ? .resumed : .new, json: json)
  }

  /// The source of the members, for messages.
  private var source: String { training.settings ?? "The command line" }

  /// The recipe of the run in a folder, with the settings that may change on resumption.
  private func resumedRecipe(_ folder: String) throws -> TrainingRecipe {
    try TrainingRecipe(resuming: folder, with: members(), file: source)
  }

  private static let namesNothing = ValidationError("Missing --adapter NAME: what is to be trained?")

  /// The members of the settings file, overridden by flags.
  private func members() throws -> [String: JSONValue] {
    var members = try training.settings.map { try ConfigurationFields(path: $0).members } ?? [:]
    adapters.add(to: &members)
    data.add(to: &members)
    training.add(to: &members)
    if let model = base.model { members["model"] = .string(model) }
    if let variant = tokenizer.tokenizer { members["tokenizer"] = .string(variant.rawValue) }
    if let precision = computing.precision { members["precision"] = .string(precision.rawValue) }
    if unregistered { members["unregistered"] = .bool(true) }
    if overwrite { members["overwrite"] = .bool(true) }
    return members
  }

  private static func printKeys() {
    let own = Set(TrainingRecipe.keys.map(\.name))
    for key in TrainingRecipe.keys + TrainingSettings.keys.filter({ !own.contains($0.name) }) {
      print("\(key.name.padded(to: 16))  \(key.summary)")
    }
  }
}

extension TrainingRecipe {
  /// A recipe from flags only; invalid values are command line errors.
  init(flags members: [String: JSONValue]) throws {
    do {
      try self.init(members, file: "The command line")
    } catch let error where error is TrainingError || error is ConfigurationError {
      throw ValidationError("\(error)")
    }
  }
}

extension String {
  /// NAME, or NAME and DIR.
  fileprivate var parts: [String] {
    split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
  }
}

extension TrainingTask {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
