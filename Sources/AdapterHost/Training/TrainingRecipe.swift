public import AdapterMethods
internal import Checkpoints
internal import Heads
internal import Tensors
public import Training

/// What is trained, on which data, and how: a configuration file, or the flags of `adapter-cli train`.
///
/// ```json
/// {"config": "lora[r=8]", "head": "classification", "train": "train.jsonl", "dev": "dev.jsonl",
///  "max_length": 128, "batch_tokens": 2048, "learning_rate": 3e-3, "epochs": 3}
/// ```
public struct TrainingRecipe: Sendable {
  /// What a fresh adapter is made of.
  public var configuration = "seq_bn"
  /// The adapters that act, by default the one that is trained. Those that are not loaded are made afresh.
  public var setup: Composition?
  /// Adapters of the setup that stay as they are.
  public var frozen: [String] = []
  /// Whether the base model is trained too.
  public var trainsBase = false
  /// What a fresh head is for; nil where there is a head already.
  public var task: TrainingTask?
  /// The labels of a fresh head; nil: those that the data have.
  public var labels: LabelSource?
  /// Linear layers of a fresh head.
  public var headLayers: Int?
  public var trainingData: String
  /// The data by which the best parameters are chosen.
  public var developmentData: String?
  /// The data by which the result is judged.
  public var testData: String?
  public var format: TrainingFormat?
  public var columns: DataColumns = [:]
  public var maximumLength: Int? = 128
  public var batchSize = BatchSampler.Size.tokens(2048)
  public var labelSmoothing = 0.0
  /// Whether every class counts alike.
  public var balancesClasses = false
  public var adapterDrop = AdapterDrop.none
  public var recomputes = false
  public var maskingRate = 0.15
  /// Bytes for the states of layers below the lowest adapter; 0 computes them in every epoch.
  public var prefixMemory = 1 << 30
  public var settings: TrainingSettings
  /// As it was given, for what is recorded of a run.
  public let members: [String: JSONValue]

  /// Where labels come from.
  public enum LabelSource: Sendable, Hashable {
    case names([String])
    case file(String)
  }

  /// The keys beside those of `TrainingSettings`.
  public static let keys: [TrainingSettings.Key] = [
    .init(name: "train", summary: "path; the examples; required"),
    .init(name: "dev", summary: "path; the examples by which the best parameters are chosen"),
    .init(name: "test", summary: "path; the examples by which the result is judged"),
    .init(name: "format", summary: "jsonl, csv, tsv, conll or txt; by default as the names of the files tell"),
    .init(name: "columns", summary: "object; the columns of text, pair, label, tokens, tags, question, ..."),
    .init(name: "config", summary: "a preset with changes, for a fresh adapter; default 'seq_bn'"),
    .init(name: "setup", summary: "the adapters that act, such as 'Stack(a, b)'; all of them are trained"),
    .init(name: "freeze", summary: "list; adapters of the setup that stay as they are"),
    .init(name: "train_base", summary: "true or false (default): whether the base model is trained too"),
    .init(
      name: "head",
      summary: "what a fresh head is for: \(TrainingTask.allCases.map(\.rawValue).joined(separator: ", "))"),
    .init(name: "head_layers", summary: "whole number; linear layers of a fresh head"),
    .init(
      name: "labels", summary: "list of a fresh head's labels, or the path of a file; by default those of the data"),
    .init(name: "max_length", summary: "whole number; the most tokens of a text; 0 for no limit; default 128"),
    .init(
      name: "learning_rate", summary: "number; the highest of the schedule; default 1e-3, with 'train_base' 5e-5"),
    .init(name: "batch_tokens", summary: "whole number; tokens of a batch; default 2048"),
    .init(name: "batch_size", summary: "whole number; examples of a batch, in place of 'batch_tokens'"),
    .init(name: "label_smoothing", summary: "number of 0 to 1; default 0"),
    .init(name: "class_weights", summary: "'balanced', or none"),
    .init(
      name: "adapter_drop",
      summary: "whole number of lowest layers without adapters, or {\"up_to\": n} for a random one"),
    .init(name: "recompute", summary: "true or false (default): less memory for one more forward pass"),
    .init(name: "masking_rate", summary: "number of 0 to 1; the share of masked tokens; default 0.15"),
    .init(
      name: "prefix_memory",
      summary: "MB for the states below the lowest adapter, which dropout does not touch; 0 for none; default 1024"),
  ]

  /// - Parameters:
  ///   - object: members by the names of `keys` and of `TrainingSettings.keys`.
  ///   - file: where it comes from, for messages.
  /// - Throws: `ConfigurationError`, `TrainingError.unknownKey`, `CompositionError`.
  public init(_ object: [String: JSONValue], file: String) throws {
    members = object
    settings = try TrainingSettings(.object(object), besides: Self.keys.map(\.name), file: file)
    let fields = try ConfigurationFields(.object(object), file: file)
    trainsBase = try fields.bool("train_base") ?? false
    if object["learning_rate"] == nil { settings.learningRate = trainsBase ? 5e-5 : 1e-3 }
    guard let data = try fields.string("train") else { throw ConfigurationError.missing(key: "train", file: file) }
    trainingData = data
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
    if let length = try fields.integer("max_length", in: 0...1 << 24) { maximumLength = length == 0 ? nil : length }
    let counts = 1...1 << 30
    let (tokens, size) = (try fields.integer("batch_tokens", in: counts), try fields.integer("batch_size", in: counts))
    if let tokens, size != nil {
      throw ConfigurationError.impossible(
        key: "batch_tokens", value: "\(tokens)", expected: "only one of 'batch_tokens' and 'batch_size'", file: file)
    }
    batchSize = size.map { .examples($0) } ?? .tokens(tokens ?? 2048)
    labelSmoothing = try fields.share("label_smoothing") ?? 0
    balancesClasses =
      try fields.value("class_weights", "'balanced' or null") { $0 == .string("balanced") ? true : nil }
      ?? false
    adapterDrop = try fields.adapterDrop()
    recomputes = try fields.bool("recompute") ?? false
    maskingRate = try fields.share("masking_rate") ?? maskingRate
    if let megabytes = try fields.integer("prefix_memory", in: 0...1 << 24) { prefixMemory = megabytes << 20 }
  }

  /// The adapters that act; nil where the base model is trained alone.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup.
  func setup(_ name: String) -> Composition? { setup ?? (trainsBase ? nil : .adapter(name)) }

  /// The adapters that a run trains: those of the setup, but of a Fuse block its fusion alone.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup.
  public func trainedAdapters(_ name: String) -> [String] {
    guard let setup = setup(name) else { return [] }
    let fused = trainsBase ? [] : Set(setup.fusedAdapters.flatMap { $0 })
    return setup.adapters.filter { !frozen.contains($0) && !fused.contains($0) }
  }

  /// The fusions that a run trains: the adapters of each, and the name that it is registered under.
  ///
  /// - Parameter name: the adapter that is trained where the recipe has no setup; the head's name elsewhere.
  public func trainedFusions(_ name: String) -> [(name: String, adapters: [String])] {
    guard let setup = setup(name) else { return [] }
    return setup.fusedAdapters.map { adapters in
      (setup.head == AdapterFusion.name(of: adapters) ? name : FusionDescription.name(of: adapters), adapters)
    }
  }

  var objectiveSettings: ObjectiveSettings {
    ObjectiveSettings(
      batchSize: batchSize, seed: settings.seed, loss: CrossEntropyOptions(labelSmoothing: labelSmoothing),
      adapterDrop: adapterDrop, recomputes: recomputes, maskingRate: maskingRate)
  }
}

extension ConfigurationFields {
  fileprivate func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type
  ) throws(ConfigurationError) -> Choice? where Choice.RawValue == String {
    guard let name = try string(key) else { return nil }
    guard let choice = Choice(rawValue: name) else {
      let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw .impossible(key: key, value: "'\(name)'", expected: "one of \(known)", file: file)
    }
    return choice
  }

  fileprivate func share(_ key: String) throws(ConfigurationError) -> Double? {
    guard let value = try number(key) else { return nil }
    guard (0..<1).contains(value) else {
      throw .impossible(key: key, value: "\(value)", expected: "a number from 0 to less than 1", file: file)
    }
    return value
  }

  fileprivate func columns() throws(ConfigurationError) -> DataColumns {
    var columns: DataColumns = [:]
    for (name, value) in try object("columns")?.members ?? [:] {
      guard let role = DataColumns.Role(rawValue: name), case .string(let column) = value else {
        let known = DataColumns.Role.allCases.map(\.rawValue).joined(separator: ", ")
        throw .impossible(key: "columns.\(name)", value: value.kind, expected: "names for \(known)", file: file)
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
