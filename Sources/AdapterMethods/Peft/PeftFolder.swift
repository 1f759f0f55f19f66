public import Checkpoints
public import Deberta
internal import Tensors

/// A folder of Hugging Face's PEFT: `adapter_config.json` with a `peft_type`, beside `adapter_model.safetensors` or
/// `adapter_model.bin`.
///
/// Tensors are named `base_model.model.deberta.MODULE.lora_A.weight`; what `modules_to_save` names stands beside them,
/// `base_model.model.classifier.weight`. Prompts have names without `model`. Source: peft, `utils/save_and_load.py`.
public enum PeftFolder {
  public static let weightFiles = ["adapter_model.safetensors", "adapter_model.bin"]
  static let prefix = "base_model.model."
  static let promptPrefix = "base_model."

  public static func isDescribed(by fields: ConfigurationFields) -> Bool { fields.members["peft_type"] != nil }

  /// A tensor's name in the model that PEFT saw; what is of no module of it keeps its own.
  static func name(_ stored: String) -> String {
    if stored.hasPrefix(prefix) { return String(stored.dropFirst(prefix.count)) }
    guard stored.hasPrefix(promptPrefix), !stored.hasPrefix(promptPrefix + "vera_") else { return stored }
    return String(stored.dropFirst(promptPrefix.count))
  }

  /// A tensor's name below the encoder, the prefixes of PEFT's and of transformers' classes left out.
  public static func ownName(_ stored: String) -> String { EncoderLayout.ownName(name(stored)) }

  /// A parameter's name in the file, below the encoder.
  static func fileName(_ spec: ParameterSpec) -> String {
    spec.place.isEmpty ? spec.member : "\(spec.place).\(spec.member)"
  }

  /// The adapter of a folder; the folder's name is the adapter's, for PEFT saves none. LoRA that the settings of
  /// `adapters` describe as well is read as such.
  ///
  /// - Throws: `ConfigurationError` for a setting that is not supported here; `PeftError` for tensors of modules that
  ///   the settings leave out; `CheckpointError` for tensors that are missing, mis-shaped or unknown.
  static func read(
    _ folder: String, _ fields: ConfigurationFields, for shape: DebertaConfiguration
  ) throws -> (name: String, adapter: Adapter) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let adapter = try adapter(in: folder, fields, for: shape)
    return (name, try PlainLoRA.adapter(adapter, shape) ?? adapter)
  }

  /// The adapter of a folder, with the settings of PEFT.
  static func adapter(
    in folder: String, _ fields: ConfigurationFields, for shape: DebertaConfiguration
  ) throws -> Adapter {
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let method = try PeftAdapter(fields, contents: PeftContents(file))
    let ledger = WeightLedger(file, rename: ownName)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = try ledger.tensor(fileName(spec), shape: spec.shape) }
    try refuseOtherPlaces(ledger, file)
    try ledger.finish { isOfHead($0) || isCopy($0) }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  /// Whether a tensor repeats another one, or the base model's: PEFT saves the biases of a saved module with its
  /// original, and what is tied to the word embeddings under both names.
  private static func isCopy(_ own: String) -> Bool {
    own.contains(".original_module.") || own.contains(".modules_to_save.") || own == "cls.predictions.bias"
      || own == "cls.predictions.decoder.trainable_tokens_delta"
  }

  /// The tensors that a folder has to hold for its adapter, by their own names.
  ///
  /// - Throws: `ConfigurationError` for a setting that is not supported here.
  public static func tensors(
    _ fields: ConfigurationFields, _ file: TensorFile, for shape: DebertaConfiguration
  ) throws(ConfigurationError) -> [(name: String, shape: [Int])] {
    try PeftAdapter(fields, contents: PeftContents(file)).parameters(for: shape).map { (fileName($0), $0.shape) }
  }

  /// - Throws: `PeftError` for the first tensor of an adapter that nothing read.
  private static func refuseOtherPlaces(_ ledger: WeightLedger, _ file: TensorFile) throws(PeftError) {
    let prefixes = PeftCatalog.methods.map { String($0.prefix.prefix { $0 != "." }) } + ["token_adapter"]
    func isFactor(_ part: Substring) -> Bool { prefixes.contains { part.hasPrefix($0) } }
    let unread = ledger.unused.first { !isCopy($0) && $0.split(separator: ".").contains(where: isFactor) }
    guard let own = unread else { return }
    let stored = file.tensors.first { ownName($0.name) == own }?.name ?? own
    let module = own.split(separator: ".").prefix { !isFactor($0) }.joined(separator: ".")
    throw .otherPlace(tensor: stored, module: module, file: file.path)
  }
}

extension PeftContents {
  init(_ file: TensorFile) {
    shapes = Dictionary(file.tensors.map { (PeftFolder.ownName($0.name), $0.shape) }) { first, _ in first }
    let names = file.tensors.map { PeftFolder.name($0.name) }
    // Adapters that change no module of the encoder by its name are of models with heads.
    isBelowHead =
      names.contains { EncoderLayout.ownName($0) != $0 }
      || !names.contains { $0.hasPrefix("encoder.") || $0.hasPrefix("embeddings.") }
  }
}
