public import Checkpoints
public import Deberta
public import Tensors

/// An adapter folder of `adapters`: `adapter_config.json` with `adapter.safetensors` or `pytorch_adapter.bin`.
///
/// Tensors are named `deberta.PLACE.CONTAINER.NAME.MEMBER`, with or without the first component. Source: adapters,
/// `loading.py`, `AdapterLoader`.
public enum SavedAdapter {
  public static let configurationFile = "adapter_config.json"
  public static let weightFiles = ["adapter.safetensors", "pytorch_adapter.bin"]

  /// Reads a folder of `adapters` or PEFT.
  ///
  /// - Throws: `ConfigurationError`, if a setting is invalid or the adapter was made for another model;
  ///   `CheckpointError`, if a file is missing or broken, or a tensor is missing, unused or has the wrong shape.
  public static func read(
    _ folder: String, for shape: DebertaV2Configuration, catalog: MethodCatalog = .standard
  ) throws -> (name: String, adapter: Adapter) {
    let file = folder + "/" + configurationFile
    let fields = try ConfigurationFields(path: file)
    if PeftFolder.isDescribed(by: fields) { return try PeftFolder.read(folder, fields, for: shape) }
    try SavedFolder.check(fields, family: shape.family, hiddenSize: shape.hiddenSize)
    guard let name = try fields.string("name") else { throw ConfigurationError.missing(key: "name", file: file) }
    guard let configuration = try fields.object("config") else {
      throw ConfigurationError.missing(key: "config", file: file)
    }
    let method = try catalog.method(LegacyConfiguration.updated(configuration, version: fields.string("version")))
    let weights = try TensorFile.first(of: weightFiles, in: folder)
    let ledger = WeightLedger(weights, rename: LegacyConfiguration.tensorName)
    let adapter = try adapter(named: name, method, in: ledger, for: shape)
    try ledger.finish()
    return (name, adapter)
  }

  /// Reads an adapter's tensors from a larger set.
  ///
  /// - Parameters:
  ///   - name: the adapter's name in the tensor names.
  ///   - method: with its settings.
  ///   - ledger: tensors by their names below `deberta.`
  ///   - shape: the model's shape.
  /// - Throws: `ConfigurationError`, `CheckpointError`.
  public static func adapter(
    named name: String, _ method: any AdapterMethod, in ledger: WeightLedger, for shape: DebertaV2Configuration
  ) throws -> Adapter {
    var tensors: [String: Tensor] = [:]
    let specs = try method.parameters(for: shape)
    for spec in specs {
      let held = spec.keys(name).filter(ledger.contains)
      tensors[spec.id] = try ledger.tensor(held.first ?? spec.key(name), shape: spec.shape)
      for alias in held.dropFirst() { ledger.leave(alias) }
    }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  /// Writes a folder that `adapters` can load, or a PEFT folder for PEFT adapters that settings of `adapters` cannot
  /// describe.
  ///
  /// The folder must exist. `metadata` adds members to `adapter_config.json`, except for PEFT.
  ///
  /// - Throws: `CheckpointError`, if a file cannot be written.
  public static func write(
    _ adapter: Adapter, named name: String, modelName: String, for shape: DebertaV2Configuration,
    metadata: [String: JSONValue] = [:], to folder: String, as format: WeightFormat = .safetensors
  ) throws {
    if adapter.method is PeftAdapter {
      guard metadata.isEmpty else {
        throw ConfigurationError.impossible(
          key: metadata.keys.sorted()[0], value: "further metadata", expected: "none: PEFT reads no such member",
          file: folder + "/" + configurationFile)
      }
      return try PeftFolder.write(adapter, base: modelName, for: shape, to: folder, as: format)
    }
    try format.write(adapter.parameters.outgoing(named: name), as: weightFiles, to: folder)
    let configuration = SavedFolder.description(
      name: name, modelName: modelName, family: shape.family, hiddenSize: shape.hiddenSize,
      configuration: .object(adapter.method.settings), others: metadata)
    try configuration.write(to: folder + "/" + configurationFile)
  }
}

/// Conversions from older versions of `adapters`.
enum LegacyConfiguration {
  /// Container names before all were called `adapters`.
  private static let containers = [
    "attention_text_task_adapters": "adapters", "attention_text_lang_adapters": "adapters",
    "layer_text_task_adapters": "adapters", "layer_text_lang_adapters": "adapters",
    "invertible_lang_adapters": "invertible_adapters",
  ]

  /// A tensor's current name, below `deberta.`.
  static func tensorName(_ name: String) -> String {
    EncoderLayout.ownName(name).split(separator: ".", omittingEmptySubsequences: false).map {
      containers[String($0)] ?? String($0)
    }
    .joined(separator: ".")
  }

  /// Settings as a current version would write them: without a version, `gelu` meant the tanh form, and LoRA ignored
  /// alpha before 1.1.0.
  static func updated(_ fields: ConfigurationFields, version: String?) throws(ConfigurationError) -> ConfigurationFields
  {
    var members = fields.members
    // Version 1 nested the two keys of an invertible adapter.
    if case .object(let invertible) = members["invertible_adapter"] {
      members["invertible_adapter"] = nil
      members["inv_adapter"] = invertible["block_type"]
      members["inv_adapter_reduction_factor"] = invertible["reduction_factor"]
    }
    if version == nil, case .string(let name) = members["non_linearity"] {
      members["non_linearity"] = .string(["gelu": "gelu_new", "gelu_orig": "gelu"][name] ?? name)
    }
    if let version, version.hasPrefix("adapters."), members["architecture"] == .string("lora"), let rank = members["r"]
    {
      let numbers = version.dropFirst("adapters.".count).split(separator: ".").map { Int($0) ?? 0 }
      if numbers.lexicographicallyPrecedes([1, 1]) { members["alpha"] = rank }
    }
    return try ConfigurationFields(.object(members), file: fields.file)
  }
}
