public import Checkpoints
internal import Glibc
public import Tensors

/// A head folder of `adapters`: `head_config.json` with `model_head.safetensors` or `pytorch_model_head.bin`.
///
/// Three members extend the format: `function_to_apply` names the score function if it is not the default of the head's
/// kind, `function_to_train` the training function if it differs from that, and `thresholds`, an object keyed by label,
/// holds the probabilities above which labels apply. `adapters` ignores them.
public enum SavedHead {
  public static let configurationFile = "head_config.json"
  public static let weightFiles = ["model_head.safetensors", "pytorch_model_head.bin"]

  /// The file names that a head folder may contain.
  public static let files = [configurationFile] + weightFiles

  /// Whether a folder contains a head.
  public static func exists(in folder: String) -> Bool { access(folder + "/" + configurationFile, F_OK) == 0 }

  /// Reads a folder whose head has a configuration.
  ///
  /// Tensors of other heads whose names share the prefix are ignored: `adapters` saves them along.
  ///
  /// - Parameters:
  ///   - words: the model's word embeddings [vocabulary, E], to which a masked language model's decoder may be tied.
  ///   - compute: the kernels and threads.
  ///   - family: the model's family.
  ///   - hiddenSize: the model's hidden size.
  ///   - folder: the folder's path.
  ///   - layerNormEps: the model's epsilon.
  /// - Throws: `ConfigurationError` or `CheckpointError`, naming the file, key or tensor.
  public static func read(
    _ folder: String, family: ModelFamily = .v2, hiddenSize: Int, layerNormEps: Float,
    tiedTo words: WeightMatrix? = nil, _ compute: Compute
  ) throws -> (name: String, head: PredictionHead) {
    let file = folder + "/" + configurationFile
    let fields = try ConfigurationFields(path: file)
    try SavedFolder.check(fields, family: family, hiddenSize: hiddenSize)
    guard let name = try fields.string("name") else { throw ConfigurationError.missing(key: "name", file: file) }
    guard let configuration = try fields.object("config") else {
      throw ConfigurationError.missing(key: "config", file: file)
    }
    let ledger = WeightLedger(try TensorFile.first(of: weightFiles, in: folder))
    var head = try PredictionHead(
      settings(configuration, details: fields), WeightReader(ledger, compute, scope: "heads.\(name)"),
      hiddenSize: hiddenSize, layerNormEps: layerNormEps, tiedTo: words)
    head.maximumLength = try fields.maximumLength
    try ledger.finish { $0.hasPrefix("heads.") && !$0.hasPrefix("heads.\(name).") }
    return (name, head)
  }

  /// The settings of a head, with details that the configuration of `adapters` cannot express: members of
  /// `head_config.json` outside `config`, or those of a whole model.
  public static func settings(
    _ configuration: ConfigurationFields, details: ConfigurationFields?
  ) throws -> HeadSettings {
    let settings = try HeadSettings(configuration, meaning: details?.meaning(of: configuration))
    return try settings.deciding(at: details?.thresholds(of: settings))
  }

  /// What the settings of `adapters` cannot express about a head: `function_to_apply` and `function_to_train` if they
  /// are not the defaults, `thresholds`, and `max_length`.
  public static func details(of head: PredictionHead) -> [String: JSONValue] {
    let (settings, meaning) = (head.settings, head.settings.meaning)
    var details: [String: JSONValue] = [:]
    if meaning.score != .usual(settings.kind, outputs: settings.outputs) || meaning.target != meaning.score {
      details[ConfigurationFields.functionKey] = .string(meaning.score.rawValue)
    }
    if meaning.target != meaning.score {
      details[ConfigurationFields.targetKey] = .string(meaning.target.rawValue)
    }
    details[ConfigurationFields.thresholdsKey] = settings.thresholds.map { thresholds in
      let values = zip(settings.labelNames, thresholds).map { ($0, JSONValue.number(Double("\($1)") ?? Double($1))) }
      return .object(Dictionary(uniqueKeysWithValues: values))
    }
    details[ConfigurationFields.lengthKey] = head.maximumLength.map { .integer($0) }
    return details
  }

  /// Writes a folder that `adapters` can load; the folder must exist.
  public static func write(
    _ head: PredictionHead, named name: String, modelName: String, family: ModelFamily = .v2, hiddenSize: Int,
    to folder: String, as format: WeightFormat = .safetensors, _ compute: Compute
  ) throws(CheckpointError) {
    let tensors = head.tensors(compute).map {
      OutgoingTensor(name: "heads.\(name).\($0.name)", shape: $0.shape, values: $0.values)
    }
    try format.write(tensors, as: weightFiles, to: folder)
    let description = SavedFolder.description(
      name: name, modelName: modelName, family: family, hiddenSize: hiddenSize,
      configuration: .object(head.settings.members), others: details(of: head))
    try description.write(to: folder + "/" + configurationFile)
  }
}

extension ConfigurationFields {
  fileprivate static let functionKey = "function_to_apply"
  fileprivate static let lengthKey = "max_length"
  fileprivate static let thresholdsKey = "thresholds"
  fileprivate static let targetKey = "function_to_train"

  /// The thresholds in a `head_config.json`, if any; 0.5 for labels that it does not mention.
  fileprivate func thresholds(of settings: HeadSettings) throws(ConfigurationError) -> [Float]? {
    guard let given = try object(Self.thresholdsKey) else { return nil }
    let labels = settings.labelNames
    for name in given.members.keys.sorted() where !labels.contains(name) {
      throw impossible(Self.thresholdsKey, "an object that names '\(name)'", "names of the head's labels")
    }
    var thresholds: [Float] = []
    for label in labels { thresholds.append(Float(try given.number(label) ?? 0.5)) }
    do { _ = try settings.deciding(at: thresholds) } catch {
      throw impossible(Self.thresholdsKey, "an object for which: \(error)", "a probability for each label")
    }
    return thresholds
  }

  /// The maximum input length in tokens during training, if the details include it.
  public var maximumLength: Int? {
    get throws(ConfigurationError) { try integer(Self.lengthKey, in: 0...1 << 24) }
  }

  /// How outputs are scored and trained, if the details specify it.
  ///
  /// - Parameter head: the member `config`.
  /// - Throws: `ConfigurationError` for a function that this kind of head does not support: multiple labels are always
  ///   scored independently, and only text classification heads have a choice.
  fileprivate func meaning(of head: ConfigurationFields) throws(ConfigurationError) -> OutputMeaning? {
    guard let score = try function(Self.functionKey) else {
      if let target = try function(Self.targetKey) {
        throw impossible(Self.targetKey, "'\(target.rawValue)'", "'\(Self.functionKey)' as well")
      }
      return nil
    }
    let kind = try head.string("head_type").flatMap { HeadKind(rawValue: $0) }
    if let kind, kind != .classification, score != .usual(kind, outputs: 2) {
      throw impossible(
        Self.functionKey, "'\(score.rawValue)' for a head of kind \(kind.rawValue)",
        "'\(ScoreFunction.usual(kind, outputs: 2).rawValue)' or nothing")
    }
    return OutputMeaning(score: score, target: try function(Self.targetKey))
  }

  private func function(_ key: String) throws(ConfigurationError) -> ScoreFunction? {
    guard let name = try string(key) else { return nil }
    guard let function = ScoreFunction(rawValue: name) else {
      throw impossible(
        key, "'\(name)'", "one of " + ScoreFunction.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return function
  }
}
