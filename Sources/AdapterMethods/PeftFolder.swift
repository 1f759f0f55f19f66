public import Checkpoints
public import Deberta
internal import Tensors

/// A folder of Hugging Face's PEFT: `adapter_config.json` with a `peft_type`, beside `adapter_model.safetensors` or
/// `adapter_model.bin`.
///
/// LoRA is read and written, PEFT's DoRA too: any rank and scale at any of a layer's linear layers. Tensors are named
/// `base_model.model.deberta.PLACE.lora_A.weight`; what `modules_to_save` names stands beside them,
/// `base_model.model.classifier.weight`. Source: peft, `tuners/lora/config.py`, `utils/save_and_load.py`.
public enum PeftFolder {
  public static let weightFiles = ["adapter_model.safetensors", "adapter_model.bin"]
  private static let prefix = "base_model.model."

  public static func isDescribed(by fields: ConfigurationFields) -> Bool { fields.members["peft_type"] != nil }

  /// A tensor's name below the encoder, the prefixes of PEFT's and of transformers' classes left out.
  public static func ownName(_ stored: String) -> String {
    EncoderLayout.ownName(stored.hasPrefix(prefix) ? String(stored.dropFirst(prefix.count)) : stored)
  }

  /// Whether a tensor is what an adapter of PEFT stores for a module, of whatever kind.
  private static func isFactor(_ own: String) -> Bool { own.split(separator: ".").contains { $0.hasPrefix("lora_") } }

  /// The adapter of a folder; the folder's name is the adapter's, for PEFT saves none.
  ///
  /// - Throws: `ConfigurationError` for a setting that is not had here; `PeftError` for tensors at places where nothing
  ///   is adapted here; `CheckpointError` for tensors that are missing, mis-shaped or unknown.
  static func read(
    _ folder: String, _ fields: ConfigurationFields, for shape: DebertaV2Configuration
  ) throws -> (name: String, adapter: Adapter) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let method = try method(fields, file, for: shape)
    let ledger = WeightLedger(file, rename: ownName)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = try ledger.tensor(fileName(spec), shape: spec.shape) }
    try refuseOtherPlaces(ledger, file)
    try refuseOtherModules(ledger, fields, file)
    try ledger.finish(knowing: isOfHead)
    return (name, Adapter(method: method, parameters: AdapterParameters(specs, tensors)))
  }

  /// The tensors that a folder has to hold for its adapter, by their own names.
  ///
  /// - Throws: `ConfigurationError` for a setting that is not had here.
  public static func tensors(
    _ fields: ConfigurationFields, _ file: TensorFile, for shape: DebertaV2Configuration
  ) throws(ConfigurationError) -> [(name: String, shape: [Int])] {
    try method(fields, file, for: shape).parameters(for: shape).map { (fileName($0), $0.shape) }
  }

  private static func method(
    _ fields: ConfigurationFields, _ file: TensorFile, for shape: DebertaV2Configuration
  ) throws(ConfigurationError) -> any AdapterMethod {
    let configuration = try PeftConfiguration(fields)
    let held = Set(file.tensors.map { ownName($0.name) })
    let below = file.tensors.contains { EncoderLayout.ownName($0.name.dropping(prefix)) != $0.name.dropping(prefix) }
    var targets: [LoRATarget] = []
    for layer in 0..<shape.layerCount {
      for place in shape.family.projections {
        let path = place.path(layer: layer)
        let target = try configuration.target(
          place, layer: layer, module: below ? EncoderLayout.storedName(path) : path,
          hasFactors: held.contains(path + ".lora_A.weight"))
        if let target { targets.append(target) }
      }
    }
    if configuration.isDoRA { return DoRA(targets) }
    return try settings(targets, shape, file: fields.file).map { fields throws(ConfigurationError) in
      try LoRA(fields)
    } ?? LoRA(targets)
  }

  /// A parameter's name in the file, below the encoder.
  private static func fileName(_ spec: ParameterSpec) -> String {
    "\(spec.place).\(spec.member)" + (["lora_A", "lora_B"].contains(spec.member) ? ".weight" : "")
  }

  /// The reference's settings that describe the same targets; nil where it has none.
  private static func settings(
    _ targets: [LoRATarget], _ shape: DebertaV2Configuration, file: String
  ) throws(ConfigurationError) -> ConfigurationFields? {
    let places = Set(targets.map(\.place))
    let layers = Set(targets.map(\.layer))
    guard let first = targets.first, !places.contains(.attentionOutput), targets.count == places.count * layers.count,
      targets.allSatisfy({ ($0.rank, $0.alpha, $0.dropout) == (first.rank, first.alpha, first.dropout) })
    else { return nil }
    let matrices = [("q", ProjectionPlace.query), ("k", .key), ("v", .value)].filter { places.contains($0.1) }
    let members: [String: JSONValue] = [
      "architecture": .string("lora"), "r": .integer(first.rank), "alpha": .number(Double(first.alpha)),
      "dropout": .number(Double("\(first.dropout)") ?? 0), "selfattn_lora": .bool(!matrices.isEmpty),
      "attn_matrices": .array(matrices.map { .string($0.0) }), "intermediate_lora": .bool(places.contains(.up)),
      "output_lora": .bool(places.contains(.down)),
      "leave_out": .array((0..<shape.layerCount).filter { !layers.contains($0) }.map { .integer($0) }),
    ]
    return try ConfigurationFields(.object(members), file: file)
  }

  /// - Throws: `PeftError` for the first tensor of an adapter that nothing read.
  private static func refuseOtherPlaces(_ ledger: WeightLedger, _ file: TensorFile) throws(PeftError) {
    guard let own = ledger.unused.first(where: isFactor) else { return }
    let stored = file.tensors.first { ownName($0.name) == own }?.name ?? own
    let parts = own.split(separator: ".")
    let module = parts.prefix { !$0.hasPrefix("lora_") }.joined(separator: ".")
    throw .otherPlace(tensor: stored, module: module, file: file.path)
  }
}

extension PeftFolder {
  /// - Throws: `PeftError` for a module of the encoder that `modules_to_save` trained and saved as a whole.
  private static func refuseOtherModules(
    _ ledger: WeightLedger, _ fields: ConfigurationFields, _ file: TensorFile
  ) throws {
    let saved = try fields.strings("modules_to_save") ?? []
    for own in ledger.unused where !isOfHead(own) {
      guard let module = saved.first(where: { name in own.split(separator: ".").contains { $0 == name } }) else {
        continue
      }
      throw PeftError.otherModule(module: module, tensor: own, file: file.path)
    }
  }
}

/// Why a folder of PEFT cannot be used, or an adapter cannot be written as one.
public enum PeftError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file adapts a module that its settings leave out, or that is never adapted here.
  case otherPlace(tensor: String, module: String, file: String)
  /// `modules_to_save` names a module of the encoder, which the folder holds as a whole.
  case otherModule(module: String, tensor: String, file: String)
  case noCounterpart(method: String)

  public var description: String {
    switch self {
    case .otherPlace(let tensor, let module, let file):
      "\(file): '\(tensor)' adapts '\(module)', which the settings beside it leave out or where this program adapts "
        + "nothing: it runs LoRA on the linear layers of attention and feed-forward. In Python, merge_and_unload() "
        + "puts all of the adapter into a checkpoint that this program loads."
    case .otherModule(let module, let tensor, let file):
      "\(file): 'modules_to_save' names '\(module)', so the file holds a trained copy of a part of the encoder "
        + "('\(tensor)'). Of these this program takes heads alone: classifier, pooler, qa_outputs. In Python, "
        + "merge_and_unload() puts all of the adapter into a checkpoint that this program loads."
    case .noCounterpart(let method):
      "PEFT has no counterpart of '\(method)'; only LoRA without gates, and DoRA that came from PEFT, can be written "
        + "as a folder of PEFT."
    }
  }
}

// MARK: - Writing

extension PeftFolder {
  /// What stands beside an adapter in a folder of PEFT.
  public struct SavedHead: Sendable {
    /// PEFT's word for the kind of task: `SEQ_CLS`, `TOKEN_CLS`, `QUESTION_ANS`.
    public let task: String
    /// The head's tensors, by the names that transformers' class for the task has for them: `classifier.weight`.
    public let tensors: [OutgoingTensor]

    public init(task: String, tensors: [OutgoingTensor]) { (self.task, self.tensors) = (task, tensors) }
  }

  /// Writes LoRA, and PEFT's DoRA, as a folder that PEFT loads; the folder exists.
  ///
  /// `PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(base), folder)` gives the same
  /// outputs; without a head the folder is one for `AutoModel`.
  ///
  /// - Parameters:
  ///   - adapter: LoRA without gates, whatever it was read from.
  ///   - base: the base model's name or path, for PEFT to find it.
  ///   - head: the head that goes with it.
  ///   - shape: the encoder's.
  ///   - folder: where the files go.
  ///   - format: in which files the tensors are stored.
  /// - Throws: `PeftError.noCounterpart` for another method; `CheckpointError`, if a file cannot be written.
  public static func write(
    _ adapter: Adapter, base: String?, head: SavedHead? = nil, for shape: DebertaV2Configuration, to folder: String,
    as format: WeightFormat = .safetensors
  ) throws {
    let configuration: PeftConfiguration
    if let targets = (adapter.method as? LoRA)?.targets(in: shape) {
      configuration = PeftConfiguration(targets, layerCount: shape.layerCount)
    } else if let targets = (adapter.method as? DoRA)?.peftTargets {
      configuration = PeftConfiguration(targets, isDoRA: true, layerCount: shape.layerCount)
    } else {
      throw PeftError.noCounterpart(method: adapter.method.name)
    }
    let factors = adapter.parameters.specs.map { spec in
      let own = fileName(spec)
      return OutgoingTensor(
        name: prefix + (head == nil ? own : EncoderLayout.storedName(own)), shape: spec.shape,
        values: adapter.parameters[spec].array)
    }
    let saved = head?.tensors.map { OutgoingTensor(name: prefix + $0.name, shape: $0.shape, values: $0.values) } ?? []
    let modules = Set(head?.tensors.compactMap { $0.name.split(separator: ".").first.map(String.init) } ?? [])
    var members = configuration.members
    members["base_model_name_or_path"] = base.map { .string($0) } ?? .null
    members["task_type"] = .string(head?.task ?? "FEATURE_EXTRACTION")
    if !modules.isEmpty { members["modules_to_save"] = .array(modules.sorted().map { .string($0) }) }
    try format.write(factors + saved, as: weightFiles, to: folder)
    try JSONValue.object(members).write(to: folder + "/" + SavedAdapter.configurationFile)
  }
}

extension String {
  fileprivate func dropping(_ prefix: String) -> String { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : self }
}
