public import Checkpoints
public import Deberta
internal import Tensors

/// A Hugging Face PEFT folder: `adapter_config.json` with a `peft_type`, and `adapter_model.safetensors` or
/// `adapter_model.bin`.
///
/// Tensors are named `base_model.model.deberta.MODULE.lora_A.weight`; modules in `modules_to_save` are stored under
/// their own names, `base_model.model.classifier.weight`. Names of prompts do not include `model`. Source: peft,
/// `utils/save_and_load.py`.
public enum PeftFolder {
  public static let weightFiles = ["adapter_model.safetensors", "adapter_model.bin"]
  static let prefix = "base_model.model."
  static let promptPrefix = "base_model."

  public static func isDescribed(by fields: ConfigurationFields) -> Bool { fields.members["peft_type"] != nil }

  /// A tensor's name in the model wrapped by PEFT; tensors of no module keep their names.
  static func name(_ stored: String) -> String {
    if stored.hasPrefix(prefix) { return String(stored.dropFirst(prefix.count)) }
    guard stored.hasPrefix(promptPrefix), !stored.hasPrefix(promptPrefix + "vera_") else { return stored }
    return String(stored.dropFirst(promptPrefix.count))
  }

  /// A tensor's name within the encoder, without the prefixes of PEFT's and transformers' classes.
  public static func ownName(_ stored: String) -> String { EncoderLayout.ownName(name(stored)) }

  /// A parameter's name in the file, within the encoder.
  static func fileName(_ spec: ParameterSpec) -> String {
    spec.place.isEmpty ? spec.member : "\(spec.place).\(spec.member)"
  }

  /// Reads the adapter in a folder, named after the folder because PEFT does not save a name. LoRA that settings of
  /// `adapters` can describe is read as such.
  ///
  /// - Throws: `ConfigurationError` for an unsupported setting; `PeftError` for tensors of modules that the settings
  ///   exclude; `CheckpointError` for tensors that are missing, unknown or have the wrong shape.
  static func read(
    _ folder: String, _ fields: ConfigurationFields, for shape: DebertaConfiguration
  ) throws -> (name: String, adapter: Adapter) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let adapter = try adapter(in: folder, fields, for: shape)
    return (name, try PlainLoRA.adapter(adapter, shape) ?? adapter)
  }

  /// Reads the adapter in a folder, with PEFT settings.
  static func adapter(
    in folder: String, _ fields: ConfigurationFields, for shape: DebertaConfiguration
  ) throws -> Adapter {
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let method = try described(fields, by: PeftContents(file))
    let ledger = WeightLedger(file, rename: ownName)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = try ledger.tensor(fileName(spec), shape: spec.shape) }
    try refuseOtherPlaces(ledger, file)
    try ledger.finish { isOfHead($0) || isCopy($0) }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  /// The adapter that settings and tensors describe together.
  ///
  /// PEFT stores the word embeddings of a model whose vocabulary was resized (`save_embedding_layers`) without listing
  /// them; they replace the model's, as listed ones do.
  private static func described(
    _ fields: ConfigurationFields, by contents: PeftContents
  ) throws(ConfigurationError) -> PeftAdapter {
    let words = "word_embeddings"
    let saved = try fields.strings("modules_to_save") ?? []
    guard contents.shapes["embeddings.\(words).weight"] != nil,
      saved.allSatisfy({ !"embeddings.\(words)".hasSuffix($0) })
    else { return try PeftAdapter(fields, contents: contents) }
    let listed = try fields.replacing("modules_to_save", by: .array((saved + [words]).map { .string($0) }))
    return try PeftAdapter(listed, contents: contents)
  }

  /// Whether a tensor duplicates another one, or the base model's: PEFT also saves the original biases of a saved
  /// module, and weights tied to the word embeddings under both names.
  private static func isCopy(_ own: String) -> Bool {
    own.contains(".original_module.") || own.contains(".modules_to_save.") || own == "cls.predictions.bias"
      || own == "cls.predictions.decoder.trainable_tokens_delta"
  }

  /// The tensors that a folder must contain for its adapter, by their names within the encoder.
  ///
  /// - Throws: `ConfigurationError` for an unsupported setting.
  public static func tensors(
    _ fields: ConfigurationFields, _ file: TensorFile, for shape: DebertaConfiguration
  ) throws(ConfigurationError) -> [(name: String, shape: [Int])] {
    try described(fields, by: PeftContents(file)).parameters(for: shape).map { (fileName($0), $0.shape) }
  }

  /// - Throws: `PeftError` for the first adapter tensor that was not read.
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
    // Adapters without any encoder module belong to models with heads.
    isBelowHead =
      names.contains { EncoderLayout.ownName($0) != $0 }
      || !names.contains { $0.hasPrefix("encoder.") || $0.hasPrefix("embeddings.") }
  }
}
