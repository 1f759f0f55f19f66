internal import AdapterHost
internal import ArgumentParser

/// What to train.
struct TrainedAdapterArguments: ParsableArguments {
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

  func add(to members: inout [String: JSONValue]) {
    func set(_ key: String, _ value: JSONValue?) { if let value { members[key] = value } }
    set("adapter", adapter.map { .string($0) })
    set("config", config.map { .string($0) })
    set("head", head.map { .string($0) })
    set("labels", labels.map { .array($0.names.map { .string($0) }) })
    set("setup", setup.map { .string($0) })
    set("freeze", freeze.map { .array($0.names.map { .string($0) }) })
  }
}

/// The training and evaluation data.
struct DataArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The examples.", valueName: "file")) var train: String?
  @Option(help: ArgumentHelp("The examples by which the best parameters are chosen.", valueName: "file"))
  var dev: String?
  @Option(help: ArgumentHelp("The examples by which the result is evaluated.", valueName: "file")) var test: String?
  @OptionGroup var columns: ColumnArguments

  func add(to members: inout [String: JSONValue]) {
    members["train"] = train.map { .string($0) } ?? members["train"]
    members["dev"] = dev.map { .string($0) } ?? members["dev"]
    members["test"] = test.map { .string($0) } ?? members["test"]
    columns.add(to: &members)
  }
}

/// The format of a data file.
struct ColumnArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How the files are written: jsonl, csv, tsv, conll or txt; by default as their names say.", valueName: "format"))
  var dataFormat: String?
  @Option(
    help: ArgumentHelp(
      "What a column is called: text, pair, label, tokens, tags, question, context, answers, choices; one option for "
        + "each. Several for 'label' are columns of 0 and 1, one for each label of a text that may have several.",
      valueName: "part=name"))
  var column: [NamedColumn] = []

  func add(to members: inout [String: JSONValue]) {
    members["format"] = dataFormat.map { .string($0) } ?? members["format"]
    if !column.isEmpty {
      members["columns"] = .object(
        Dictionary(grouping: column, by: \.part).mapValues { named in
          named.count == 1 ? .string(named[0].name) : .array(named.map { .string($0.name) })
        })
    }
  }

  func validate() throws {
    for (part, named) in Dictionary(grouping: column, by: \.part).sorted(by: { $0.key < $1.key })
    where named.count > 1 && part != DataColumns.Role.label.rawValue {
      throw ValidationError("--column names '\(part)' twice: \(named.map(\.name).joined(separator: " and ")).")
    }
  }
}

/// A value of the form PART=NAME.
struct NamedColumn: ExpressibleByArgument {
  let part, name: String

  init?(argument: String) {
    let sides = argument.split(separator: "=", maxSplits: 1)
    guard sides.count == 2 else { return nil }
    (part, name) = (String(sides[0]), String(sides[1]))
  }
}

/// Training settings; the defaults are those of the settings file, or those that `--keys` shows.
struct TrainingArguments: ParsableArguments {
  @Option(help: ArgumentHelp("A JSON file of settings.", valueName: "file")) var settings: String?
  @Option(help: ArgumentHelp("Times through the examples; by default 3.", valueName: "n")) var epochs: Int?
  @Option(help: ArgumentHelp("Changes of the parameters, in place of --epochs.", valueName: "n")) var steps: Int?
  @Option(help: ArgumentHelp("The highest learning rate; by default 1e-3, with --train-base 5e-5.", valueName: "x"))
  var learningRate: Double?
  @Option(help: ArgumentHelp("linear, cosine or constant.", valueName: "name")) var schedule: String?
  @Option(help: ArgumentHelp("Steps in which the learning rate rises.", valueName: "n")) var warmupSteps: Int?
  @Option(help: ArgumentHelp("adamw, adafactor or sgd.", valueName: "name")) var optimizer: String?
  @Option(help: ArgumentHelp("Weight decay.", valueName: "x")) var weightDecay: Double?
  @Option(help: ArgumentHelp("Tokens of a batch; by default 2048.", valueName: "n")) var batchTokens: Int?
  @Option(help: ArgumentHelp("Examples of a batch, in place of --batch-tokens.", valueName: "n")) var batchSize: Int?
  @Option(help: ArgumentHelp("Batches that make one step.", valueName: "n")) var accumulate: Int?
  @Option(help: ArgumentHelp("The most tokens of an input, 0 for the model's limit; by default 512.", valueName: "n"))
  var maxLength: Int?
  @Option(help: ArgumentHelp("'epoch', 'end' or a number of steps between evaluations.", valueName: "when"))
  var evaluateEvery: String?
  @Option(help: ArgumentHelp("Evaluations without a new best that end the run.", valueName: "n")) var patience: Int?
  @Option(
    help: ArgumentHelp(
      "The metric that decides which evaluation is the best; by default macro_f1 for classes.", valueName: "metric"))
  var bestBy: String?
  @Option(help: "Where the random values start.") var seed: Int?
  @Flag(help: "Train the base model too, and write it to the output folder.") var trainBase = false
  @Flag(help: "Train the word embeddings too, and write them to the folder 'embeddings' of the output.")
  var trainEmbeddings = false
  @Flag(help: "Train the adapters that a Fuse joins together with its fusion.") var unfreezeAdapters = false

  func add(to members: inout [String: JSONValue]) {
    func set(_ key: String, _ value: JSONValue?) { if let value { members[key] = value } }
    if epochs != nil { members["steps"] = nil }
    if steps != nil { members["epochs"] = nil }
    if batchTokens != nil { members["batch_size"] = nil }
    if batchSize != nil { members["batch_tokens"] = nil }
    set("epochs", epochs.map { .integer($0) })
    set("steps", steps.map { .integer($0) })
    set("learning_rate", learningRate.map { .number($0) })
    set("schedule", schedule.map { .string($0) })
    set("warmup_steps", warmupSteps.map { .integer($0) })
    set("optimizer", optimizer.map { .string($0) })
    set("weight_decay", weightDecay.map { .number($0) })
    set("batch_tokens", batchTokens.map { .integer($0) })
    set("batch_size", batchSize.map { .integer($0) })
    set("accumulate", accumulate.map { .integer($0) })
    set("max_length", maxLength.map { .integer($0) })
    set("evaluate_every", evaluateEvery.map { text in Int(text).map { .integer($0) } ?? .string(text) })
    set("patience", patience.map { .integer($0) })
    set("best_by", bestBy.map { .string($0) })
    set("seed", seed.map { .integer($0) })
    if trainBase { members["train_base"] = .bool(true) }
    if trainEmbeddings { members["train_embeddings"] = .bool(true) }
    if unfreezeAdapters { members["unfreeze_adapters"] = .bool(true) }
  }
}
