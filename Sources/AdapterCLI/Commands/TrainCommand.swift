internal import AdapterHost
internal import ArgumentParser
internal import Foundation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains an adapter and its head, and registers the result.",
    discussion: """
      Examples:
        adapter-cli train --adapter topics --head classification --train train.jsonl --dev dev.jsonl
        adapter-cli train --adapter names --config "lora[r=8]" --head tagging --train a.conll --epochs 5 \\
          --learning-rate 3e-3
        adapter-cli train --settings run.json --seed 2 --output runs/second
        adapter-cli train --resume --output runs/topics ...

      Data are JSON Lines, CSV, TSV, CoNLL columns or plain text. A settings file is a JSON object; flags come before \
      what it says, and 'adapter-cli train --keys' lists what it may say.

      The output folder holds the state of the run, log.jsonl, curves.svg, summary.json and the trained adapters. \
      Ctrl-C saves the state first; --resume goes on from there to the same bits. The parameters of the best \
      evaluation are kept.
      """)

  @Option(help: ArgumentHelp("What the adapter is called; NAME=DIR trains a saved one on.", valueName: "name[=dir]"))
  var adapter: String?
  @Option(help: ArgumentHelp("A preset with changes, for a fresh adapter.", valueName: "preset[field=value, ...]"))
  var config: String?
  @Option(help: ArgumentHelp("What a fresh head is for: \(TrainingTask.names).", valueName: "kind")) var head: String?
  @Option(help: ArgumentHelp("The labels of a fresh head; by default those of the data.", valueName: "a,b,c"))
  var labels: NameList?
  @Option(help: ArgumentHelp("Adapters that act, such as 'Stack(a, b)'; all of them are trained.", valueName: "expr"))
  var setup: String?
  @Option(help: ArgumentHelp("Adapters of the setup that stay as they are.", valueName: "a,b")) var freeze: NameList?

  @OptionGroup(title: "Data") var data: DataArguments
  @OptionGroup(title: "Training") var training: TrainingArguments
  @OptionGroup(title: "Model") var base: BaseArguments
  @Option(help: "Threads; by default one for each processor.") var threads: Int?
  @Option(help: ArgumentHelp("The folder of the run; by default runs/NAME.", valueName: "dir")) var output: String?
  @Flag(help: "Go on with the run that is saved in the output folder.") var resume = false
  @Flag(help: "Replace a registered adapter of the name.") var overwrite = false
  @Flag(help: "Leave the registry as it is; the result is in the output folder.") var unregistered = false
  @Flag(help: "Write the summary as JSON.") var json = false
  @Flag(help: "List the keys of a settings file, and do nothing else.") var keys = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads); expected 1 or more.") }
    if keys { return }
    guard adapter != nil || setup != nil else {
      throw ValidationError("Missing --adapter NAME: what is to be trained?")
    }
    if data.train == nil, training.settings == nil { throw ValidationError("Missing --train FILE: the examples.") }
  }

  func run() throws {
    if keys { return Self.printKeys() }
    let recipe = try TrainingRecipe(members(), file: training.settings ?? "the flags")
    let run = try TrainingSession(
      recipe, adapter: name, folder: adapterFolder, base: base, threads: threads, output: output ?? "runs/\(name)",
      registers: !unregistered && !recipe.trainsBase, overwrites: overwrite)
    try run.run(resume ? .resumed : .new, json: json)
  }

  private var parts: [Substring] { (adapter ?? "").split(separator: "=", maxSplits: 1) }
  private var name: String {
    parts.first.map(String.init) ?? setup.flatMap { try? Composition($0).last } ?? "adapter"
  }
  private var adapterFolder: String? { parts.count == 2 ? String(parts[1]) : nil }

  /// The members of the settings file, and what the flags put in their place.
  private func members() throws -> [String: JSONValue] {
    var members = try training.settings.map { try ConfigurationFields(path: $0).members } ?? [:]
    members["config"] = config.map { .string($0) } ?? members["config"]
    members["head"] = head.map { .string($0) } ?? members["head"]
    members["labels"] = labels.map { .array($0.names.map { .string($0) }) } ?? members["labels"]
    members["setup"] = setup.map { .string($0) } ?? members["setup"]
    members["freeze"] = freeze.map { .array($0.names.map { .string($0) }) } ?? members["freeze"]
    data.add(to: &members)
    training.add(to: &members)
    return members
  }

  private static func printKeys() {
    for key in TrainingRecipe.keys + TrainingSettings.keys { print("\(key.name.padded(to: 16))  \(key.summary)") }
  }
}

extension TrainingTask {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
