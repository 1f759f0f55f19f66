internal import AdapterMethods
internal import Checkpoints
internal import Heads
internal import Tokenization
public import Training

extension TrainingRecipe {
  /// The file with the whole recipe, in the folder of a run and in that of an adapter it trained.
  public static let fileName = "recipe.json"

  /// The keys in addition to those of `TrainingSettings`.
  public static let keys: [TrainingSettings.Key] = [
    .init(name: "adapter", summary: "what the adapter is called, NAME; or NAME=DIR for a saved one that is trained on"),
    .init(name: "model", summary: "folder or registered name of the base model; by default the registry's default one"),
    .init(name: "train", summary: "path; the examples; required"),
    .init(name: "dev", summary: "path; the examples by which the best parameters are chosen"),
    .init(name: "test", summary: "path; the examples by which the result is evaluated"),
    .init(name: "format", summary: "jsonl, csv, tsv, conll or txt; by default as the names of the files say"),
    .init(
      name: "columns",
      summary:
        "object; the columns of text, pair, label (for several labels also a list of columns with 0 or 1), tokens, ..."),
    .init(name: "config", summary: "a preset with changes, for a fresh adapter; default 'seq_bn'"),
    .init(name: "setup", summary: "the adapters that act, such as 'Stack(a, b)'; all of them are trained"),
    .init(name: "freeze", summary: "list; adapters of the setup that stay as they are"),
    .init(name: "train_base", summary: "true or false (default): whether the base model is trained too"),
    .init(
      name: "train_embeddings",
      summary: "true or false (default): whether the word embeddings are trained too, and saved as 'embeddings'"),
    .init(
      name: "unfreeze_adapters",
      summary: "true or false (default): whether the adapters that a Fuse joins are trained with its fusion"),
    .init(
      name: "head",
      summary: "what a fresh head is for: \(TrainingTask.allCases.map(\.rawValue).joined(separator: ", "))"),
    .init(name: "head_layers", summary: "whole number; linear layers of a fresh head"),
    .init(
      name: "labels", summary: "list of a fresh head's labels, or the path of a file; by default those of the data"),
    .init(name: "tokenizer", summary: "whose ids texts become: slow (default) or fast"),
    .init(
      name: "max_length",
      summary:
        "whole number; the most tokens of an input; 0 for the model's limit; by default what a head that is "
        + "trained on was trained with, or else the tokenizer's model_max_length, \(InputLength.standard) at most"),
    .init(
      name: "learning_rate", summary: "number; the highest of the schedule; default 1e-3, with 'train_base' 5e-5"),
    .init(name: "batch_tokens", summary: "whole number; tokens of a batch; default 2048"),
    .init(name: "batch_size", summary: "whole number; examples of a batch, in place of 'batch_tokens'"),
    .init(name: "label_smoothing", summary: "number of 0 to 1; of classes, tags and masked words; default 0"),
    .init(name: "class_weights", summary: "'balanced' or null: of classes, tags, or the positives of several labels"),
    .init(
      name: "adapter_drop",
      summary: "whole number of lowest layers without adapters, or {\"up_to\": n} for a random one"),
    .init(name: "recompute", summary: "true or false (default): less memory for one more forward pass"),
    .init(name: "masking_rate", summary: "number of 0 to 1; the share of masked tokens; default 0.15"),
    .init(
      name: "prefix_memory",
      summary: "MB for the states below the lowest adapter, which dropout does not touch; 0 for none; default 1024"),
    .init(
      name: "precision",
      summary: "float32, bf16 or int8: what the linear layers of a base model that stays as it is are computed in"),
    .init(name: "unregistered", summary: "true or false (default): leave the registry as it is"),
    .init(name: "overwrite", summary: "true or false (default): replace a registered adapter of the name"),
    .init(name: "record", summary: "written by a run: the program, and digests of the data and of the base model"),
  ]

  mutating func read(_ fields: ConfigurationFields) throws {
    adapter = try fields.string("adapter")
    model = try fields.string("model")
    trainsBase = try fields.bool("train_base") ?? false
    trainsEmbeddings = try fields.bool("train_embeddings") ?? false
    unfreezesAdapters = try fields.bool("unfreeze_adapters") ?? false
    if fields.members["learning_rate"] == nil { settings.learningRate = trainsBase ? 5e-5 : 1e-3 }
    developmentData = try fields.string("dev")
    testData = try fields.string("test")
    format = try fields.choice("format", TrainingFormat.self)
    columns = try fields.columns()
    configuration = try fields.string("config") ?? configuration
    setup = try fields.string("setup").map { try Composition($0) }
    frozen = try fields.strings("freeze") ?? []
    task = try fields.choice("head", TrainingTask.self)
    headLayers = try fields.integer("head_layers", in: 1...1000)
    labels = try fields.value("labels", "a list of labels in quotes, or the path of a file") { value in
      if case .string(let path) = value { return .file(path) }
      return try? fields.strings("labels").map { .names($0) }
    }
    tokenizer = try fields.choice("tokenizer", TokenizerVariant.self) ?? .slow
    maximumLength = try fields.integer("max_length", in: 0...1 << 24)
    let counts = 1...1 << 30
    let (tokens, size) = (try fields.integer("batch_tokens", in: counts), try fields.integer("batch_size", in: counts))
    if let tokens, size != nil {
      throw fields.impossible("batch_tokens", "\(tokens)", "only one of 'batch_tokens' and 'batch_size'")
    }
    batchSize = size.map { .examples($0) } ?? .tokens(tokens ?? 2048)
    labelSmoothing = try fields.share("label_smoothing") ?? 0
    balancesClasses =
      try fields.value("class_weights", "'balanced' or null") { $0 == .string("balanced") ? true : nil } ?? false
    adapterDrop = try fields.adapterDrop()
    recomputes = try fields.bool("recompute") ?? false
    maskingRate = try fields.share("masking_rate") ?? maskingRate
    if let megabytes = try fields.integer("prefix_memory", in: 0...1 << 24) { prefixMemory = megabytes << 20 }
    precision = try fields.choice("precision", Precision.self)
    isUnregistered = try fields.bool("unregistered") ?? false
    overwrites = try fields.bool("overwrite") ?? false
    record = try fields.object("record").map { fields throws(ConfigurationError) in try RunRecord(fields) }
  }

  /// The members from which this recipe can be read back.
  public var object: [String: JSONValue] {
    guard case .object(var members) = settings.object else { return [:] }
    func text(_ value: String?) -> JSONValue? { value.map { .string($0) } }
    func list(_ names: [String]) -> JSONValue? { names.isEmpty ? nil : .array(names.map { .string($0) }) }
    let own: [String: JSONValue?] = [
      "adapter": text(adapter), "model": text(model), "train": text(trainingData), "dev": text(developmentData),
      "test": text(testData), "format": text(format?.rawValue), "columns": columns.object,
      "config": text(configuration),
      "setup": text(setup?.description), "freeze": list(frozen), "train_base": .bool(trainsBase),
      "train_embeddings": .bool(trainsEmbeddings), "unfreeze_adapters": .bool(unfreezesAdapters),
      "head": text(task?.rawValue), "head_layers": headLayers.map { .integer($0) },
      "labels": labels.flatMap { labels in
        switch labels {
        case .names(let names): list(names)
        case .file(let path): text(path)
        }
      },
      "tokenizer": text(tokenizer.rawValue), "max_length": maximumLength.map { .integer($0) },
      "label_smoothing": .number(labelSmoothing),
      "class_weights": balancesClasses ? .string("balanced") : nil, "adapter_drop": adapterDrop.value,
      "recompute": .bool(recomputes), "masking_rate": .number(maskingRate),
      "prefix_memory": .integer(prefixMemory >> 20), "precision": text(precision?.rawValue),
      "unregistered": .bool(isUnregistered),
      "overwrite": .bool(overwrites), "record": record?.object,
    ]
    for case (let key, let value?) in own { members[key] = value }
    switch batchSize {
    case .tokens(let count): members["batch_tokens"] = .integer(count)
    case .examples(let count): members["batch_size"] = .integer(count)
    }
    return members
  }

  /// Mutually exclusive keys.
  private static let pairs = [
    "epochs": "steps", "steps": "epochs", "batch_size": "batch_tokens", "batch_tokens": "batch_size",
    "warmup_steps": "warmup_ratio", "warmup_ratio": "warmup_steps",
  ]

  /// The members of a recipe, overridden by others.
  public static func merge(_ members: [String: JSONValue], _ others: [String: JSONValue]) -> [String: JSONValue] {
    var merged = members
    for key in others.keys { if let other = pairs[key], others[other] == nil { merged[other] = nil } }
    return merged.merging(others) { $1 }
  }
}

extension DataColumns {
  fileprivate var object: JSONValue? {
    let flags = self.flags.isEmpty ? [] : [(Role.label.rawValue, JSONValue.array(self.flags.map { .string($0) }))]
    let named = flags + Role.allCases.compactMap { role in self[role].map { (role.rawValue, JSONValue.string($0)) } }
    return named.isEmpty ? nil : .object(Dictionary(uniqueKeysWithValues: named))
  }
}

extension AdapterDrop {
  fileprivate var value: JSONValue? {
    switch self {
    case .none: nil
    case .fixed(let count): .integer(count)
    case .random(let most): .object(["up_to": .integer(most)])
    }
  }
}

extension ConfigurationFields {
  fileprivate func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
    guard let name = try string(key) else { return nil }
    guard let choice = Choice(rawValue: name) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw impossible(key, "'\(name)'", "one of \(known)")
    }
    return choice
  }

  fileprivate func share(_ key: String) throws(ConfigurationError) -> Double? {
    guard let value = try number(key) else { return nil }
    guard (0..<1).contains(value) else {
      throw impossible(key, "\(value)", "a number from 0 to less than 1")
    }
    return value
  }

  fileprivate func columns() throws(ConfigurationError) -> DataColumns {
    var columns: DataColumns = [:]
    for (name, value) in try object("columns")?.members ?? [:] {
      if name == DataColumns.Role.label.rawValue, case .array(let elements) = value {
        let names = elements.compactMap { element in if case .string(let name) = element { name } else { nil } }
        guard !names.isEmpty, names.count == elements.count else {
          throw impossible("columns.label", value.line, "the names of columns")
        }
        if let twice = names.first(where: { name in names.count(where: { $0 == name }) > 1 }) {
          throw impossible("columns.label", "'\(twice)' twice", "a column of flags for each label")
        }
        columns.flags = names
        continue
      }
      guard let role = DataColumns.Role(rawValue: name), case .string(let column) = value else {
        let known = DataColumns.Role.allCases.map(\.rawValue).joined(separator: ", ")
        throw impossible("columns.\(name)", value.kind, "names for \(known)")
      }
      columns[role] = column
    }
    return columns
  }

  fileprivate func adapterDrop() throws(ConfigurationError) -> AdapterDrop {
    try value("adapter_drop", "a number of layers, or an object with 'up_to'") { value in
      if let count = value.wholeNumber, count >= 0 { return count == 0 ? AdapterDrop.none : .fixed(count) }
      guard case .object(let members) = value, let most = members["up_to"]?.wholeNumber, most >= 0 else { return nil }
      return .random(upTo: most)
    } ?? .none
  }
}
