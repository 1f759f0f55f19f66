public import Checkpoints
public import Deberta
internal import Tensors

extension PeftFolder {
  /// A head to save with an adapter in a PEFT folder.
  public struct SavedHead: Sendable {
    /// PEFT's task type: `SEQ_CLS`, `TOKEN_CLS`, `QUESTION_ANS`.
    public let task: String
    /// The head's tensors, named as in transformers' class for the task: `classifier.weight`.
    public let tensors: [OutgoingTensor]

    public init(task: String, tensors: [OutgoingTensor]) { (self.task, self.tensors) = (task, tensors) }
  }

  /// Writes an adapter as a folder that PEFT can load; the folder must exist.
  ///
  /// `PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(base), folder)` gives the same
  /// outputs; without a head the folder is for `AutoModel`, unless the adapter was read from one with a head.
  ///
  /// - Parameters:
  ///   - adapter: a PEFT adapter, or ungated LoRA or IA³ from any source.
  ///   - base: the base model's name or path, by which PEFT finds it.
  ///   - head: the head to save with it.
  ///   - shape: the encoder's shape.
  ///   - folder: the folder to write to.
  ///   - format: the file format of the tensors.
  /// - Throws: `PeftError.noCounterpart` for an unsupported method; `CheckpointError`, if a file cannot be written.
  public static func write(
    _ adapter: Adapter, base: String?, head: SavedHead? = nil, for shape: DebertaConfiguration, to folder: String,
    as format: WeightFormat = .safetensors
  ) throws {
    guard let (method, parameters) = try counterpart(adapter, shape) else {
      throw PeftError.noCounterpart(method: adapter.method.name)
    }
    let isPrompt = !parameters.specs.contains { !$0.place.isEmpty }
    let isBelowHead = head != nil || method.contents?.isBelowHead == true
    let tensors = parameters.specs.map { spec in
      let own = fileName(spec)
      let isOfEncoder = own.hasPrefix("encoder.") || own.hasPrefix("embeddings.")
      let name = isBelowHead && isOfEncoder ? EncoderLayout.storedName(own) : own
      return OutgoingTensor(
        name: spec.place.isEmpty ? own : prefix + name, shape: spec.shape, values: parameters[spec].array)
    }
    let saved = (head?.tensors ?? []).map {
      OutgoingTensor(name: (isPrompt ? promptPrefix : prefix) + $0.name, shape: $0.shape, values: $0.values)
    }
    var members = method.settings
    members["inference_mode"] = .bool(true)
    members["base_model_name_or_path"] = base.map { .string($0) } ?? .null
    members["task_type"] = head.map { .string($0.task) } ?? (isBelowHead ? .null : .string("FEATURE_EXTRACTION"))
    let modules = Set(head?.tensors.compactMap { $0.name.split(separator: ".").first.map(String.init) } ?? [])
    let all = try method.savedModules(shape) + modules.sorted()
    members["modules_to_save"] = all.isEmpty ? .null : .array(all.map { .string($0) })
    try format.write(tensors + saved, as: weightFiles, to: folder)
    try JSONValue.object(members).write(to: folder + "/" + SavedAdapter.configurationFile)
  }

  /// The equivalent PEFT adapter; nil if PEFT has none.
  static func counterpart(
    _ adapter: Adapter, _ shape: DebertaConfiguration
  ) throws -> (method: PeftAdapter, parameters: AdapterParameters)? {
    if let method = adapter.method as? PeftAdapter { return (method, adapter.parameters) }
    var scaled: [String: Tensor] = [:]
    let settings: [String: JSONValue]
    switch adapter.method {
    case let lora as LoRA:
      guard let targets = lora.targets(in: shape) else { return nil }
      settings = PlainLoRA.settings(targets, layerCount: shape.layerCount)
    case let ia3 as IA3:
      guard let plain = ia3.plain(adapter.parameters, shape) else { return nil }
      settings = PlainIA3.settings(plain.map(\.path))
      for (path, factors) in plain { scaled["\(path).ia3_l"] = factors }
    default: return nil
    }
    let method = try PeftAdapter(ConfigurationFields(.object(settings), file: "the adapter"))
    let specs = try method.parameters(for: shape)
    let own = Dictionary(
      uniqueKeysWithValues: adapter.parameters.specs.map { ("\($0.place).\($0.member).weight", adapter.parameters[$0]) }
    )
    let tensors = specs.map { spec in (spec.id, scaled[fileName(spec)] ?? own[fileName(spec)]) }
    guard tensors.allSatisfy({ $0.1 != nil }) else { return nil }
    return (
      method,
      AdapterParameters(specs, Dictionary(uniqueKeysWithValues: tensors.compactMap { id, own in own.map { (id, $0) } }))
    )
  }
}

/// LoRA that both `adapters` and PEFT support: one scale and rank, at the same linear layers, with some layers left
/// out.
enum PlainLoRA {
  /// A PEFT adapter with settings of `adapters`; nil if these cannot describe it.
  static func adapter(_ adapter: Adapter, _ shape: DebertaConfiguration) throws(ConfigurationError) -> Adapter? {
    guard let method = adapter.method as? PeftAdapter, let targets = try method.plainLoRA(shape),
      let fields = try fields(targets, shape, file: method.source)
    else { return nil }
    let plain = try LoRA(fields)
    let own = Dictionary(
      uniqueKeysWithValues: adapter.parameters.specs.map { ("\($0.place).\($0.member)", adapter.parameters[$0]) })
    let specs = try plain.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = own["\(spec.place).\(spec.member).weight"] }
    return Adapter(method: plain, parameters: AdapterParameters(specs, tensors))
  }

  /// Settings of `adapters` that describe the targets; nil if there are none.
  private static func fields(
    _ targets: [LoRATarget], _ shape: DebertaConfiguration, file: String
  ) throws(ConfigurationError) -> ConfigurationFields? {
    let places = Set(targets.map(\.place))
    let layers = Set(targets.map(\.layer))
    guard shape.family == .v2, let first = targets.first, !places.contains(.attentionOutput),
      targets.count == places.count * layers.count,
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

  /// PEFT settings that describe targets of one rank and scale.
  static func settings(_ targets: [LoRATarget], layerCount: Int) -> [String: JSONValue] {
    func number(_ value: Float) -> JSONValue {
      Int(exactly: value).map { .integer($0) } ?? .number(Double("\(value)") ?? Double(value))
    }
    return [
      "peft_type": .string("LORA"), "r": .integer(targets.first?.rank ?? 8),
      "lora_alpha": number(targets.first?.alpha ?? 8), "lora_dropout": number(targets.first?.dropout ?? 0),
      "target_modules": .array(names(of: targets, layerCount: layerCount).map { .string($0) }),
    ]
  }

  /// Names that match exactly these modules. A name without a layer matches every layer of the model, so targets in
  /// only some layers are named in full.
  private static func names(of targets: [LoRATarget], layerCount: Int) -> [String] {
    let isEverywhere =
      Set(targets.map(\.layer)).count == layerCount
      && targets.count == Set(targets.map(\.layer)).count * Set(targets.map(\.place)).count
    let attention: Set<ProjectionPlace> = [.query, .key, .value]
    guard isEverywhere, Set(targets.map(\.place)).isSubset(of: attention) else { return targets.map(\.path) }
    return Set(targets.map(\.place)).map { $0.path.split(separator: ".").last.map(String.init) ?? $0.path }.sorted()
  }
}

/// IA³ that both `adapters` and PEFT support: factors for the outputs of linear layers.
enum PlainIA3 {
  static func settings(_ modules: [String]) -> [String: JSONValue] {
    [
      "peft_type": .string("IA3"), "feedforward_modules": .array([]),
      "target_modules": .array(modules.map { .string($0) }),
    ]
  }
}

extension IA3 {
  /// The factors of each linear layer, including alpha; nil for gated IA³.
  fileprivate func plain(
    _ parameters: AdapterParameters, _ shape: DebertaConfiguration
  ) -> [(path: String, factors: Tensor)]? {
    let members = parameters.specs.filter { $0.member == "lora_B" }
    guard members.count == parameters.specs.count else { return nil }
    guard let alpha = settings["alpha"]?.double.map(Float.init) else { return nil }
    return members.map { spec in
      (spec.place, Tensor(parameters[spec].array.map { alpha * $0 }, rows: parameters[spec].rows, columns: 1))
    }
  }
}
