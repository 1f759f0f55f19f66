public import Checkpoints
public import Deberta
public import Tensors

/// An adapter of Hugging Face's PEFT: a method applied to some modules, and tensors that replace the base model's.
///
/// Modules matched by `target_modules` have tensors of the method; `bias` and `modules_to_save` replace tensors of the
/// base model, and `trainable_token_indices` rows of its embeddings. Head modules are adapted in any head that has a
/// linear layer of that name.
///
/// Source: peft 0.21, `config.py`, `PeftConfig`; `tuners/tuners_utils.py`; `utils/save_and_load.py`.
public struct PeftAdapter: AdapterMethod {
  /// Not used in files: PEFT settings have a `peft_type` instead.
  public static let architecture: String? = "peft"
  public static let fields: [MethodField] = PeftScope.fields

  let method: any PeftMethod
  private let scope: PeftScope
  private let bias: Bias
  private let tokens: TrainedTokens?
  /// The tensors in its folder; nil for a new adapter.
  let contents: PeftContents?
  /// The PEFT settings that have an effect.
  public let settings: [String: JSONValue]
  let source: String

  /// Which biases are replaced.
  private enum Bias { case none, targets, all }

  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool {
    fields.members["peft_type"] != nil
  }

  /// A new adapter with the given settings.
  public init(_ fields: ConfigurationFields) throws(ConfigurationError) { try self.init(fields, contents: nil) }

  init(_ given: ConfigurationFields, contents: PeftContents?) throws(ConfigurationError) {
    let type = try PeftCatalog.method(given)
    try PeftCatalog.check(given, type)
    let fields = try given.completed(by: PeftScope.fields + type.fields)
    method = try type.init(fields)
    scope = try PeftScope(fields, standard: type.targets)
    switch try fields.string("bias") ?? "none" {
    case "none": bias = .none
    case "all": bias = .all
    case let name where name.hasSuffix("_only"): bias = .targets
    case let name: throw fields.impossible("bias", "'\(name)'", "'none', 'all' or '\(type.type.lowercased())_only'")
    }
    tokens = try TrainedTokens(fields)
    self.contents = contents
    let known = Set((PeftScope.fields + type.fields).map(\.key))
    settings = fields.members.filter { known.contains($0.key) }.merging(["peft_type": .string(type.type)]) { $1 }
    source = fields.file
  }

  public var name: String { method.name }
  public var keys: [String] { (PeftScope.fields + type(of: method).fields).map(\.key) }

  public func checkStart() throws(ConfigurationError) {
    let fields = try ConfigurationFields(.object(settings), file: source)
    try fields.checkStart(PeftScope.fields + type(of: method).fields)
  }

  // MARK: Tensors

  /// A module with the adapter's tensors for it.
  private struct Part {
    let module: PeftModule
    /// The method's tensors; empty if it does not adapt the module.
    var tensors: [PeftTensor] = []
    /// Replacements for the module's weight and bias.
    var weight, bias: PeftTensor?
    /// Replaced rows of a table.
    var rows: PeftTensor?

    var all: [PeftTensor] { tensors + [weight, bias, rows].compactMap { $0 } }
  }

  public func parameters(for shape: DebertaConfiguration) throws(ConfigurationError) -> [ParameterSpec] {
    let parts = try parts(shape)
    let targets = parts.filter { !$0.tensors.isEmpty }.map(\.module)
    if contents == nil, parts.isEmpty, try shared(targets, shape).isEmpty {
      throw .impossible(
        key: "target_modules", value: "without effect on this model", expected: "names of its modules", file: source)
    }
    return try shared(targets, shape) + parts.flatMap { part in part.all.map { $0.spec(at: part.module.path) } }
  }

  private func shared(
    _ targets: [PeftModule], _ shape: DebertaConfiguration
  ) throws(ConfigurationError) -> [ParameterSpec] {
    try method.sharedTensors(for: targets, in: shape, among: contents?.shapes).map { $0.spec(at: "") }
  }

  /// The modules for which the adapter stores tensors.
  private func parts(_ shape: DebertaConfiguration) throws(ConfigurationError) -> [Part] {
    let layout = EncoderLayout(shape)
    let heads = PeftModule.headLayers(shape)
    let paths = layout.places.map { $0.path(in: shape.family) }
    let held = contents?.tensors(of: paths + heads.map(\.path))
    var parts: [Part] = []
    for (place, path) in zip(layout.places, paths) {
      // The head mixing weights of v1 are not adaptable; tensors for them are refused as unread.
      guard let kind = place.kind(in: shape).map(PeftModule.Kind.init), !place.mixesHeads else { continue }
      let module = PeftModule(
        path: path, name: wholeName(path), place: .encoder(place), kind: kind, held: held.map { $0[path] ?? [:] })
      var part = Part(module: module)
      part.tensors = try stored(module, isOutput: false)
      part.rows = try tokens?.tensor(for: module)
      let isTarget = !part.tensors.isEmpty
      if scope.saves(module.name) {
        if case .convolution = place { throw saved(module) }
        part.weight = replacement(place, ".weight", shape)
        part.bias = replacement(place, kind == .vector ? "" : ".bias", shape)
      } else if bias == .all || bias == .targets && isTarget {
        // A standalone bias, such as that of v1's queries, is not saved.
        part.bias = replacement(place, ".bias", shape, isTarget: isTarget)
      }
      if !part.all.isEmpty { parts.append(part) }
    }
    for (path, kind) in heads {
      // The modules of a model's head are only known from its tensors.
      guard let held = held?[path], !held.isEmpty else { continue }
      var kind = kind
      if case .linear(let inputs, 0) = kind {
        kind = .linear(inputs: inputs, outputs: PeftModule.outputs(of: held) ?? 0)
      }
      let module = PeftModule(path: path, name: path, place: .head, kind: kind, held: held)
      var part = Part(module: module)
      if module.isLinear { part.tensors = try stored(module, isOutput: PeftModule.outputs.contains(path)) }
      let isTarget = !part.tensors.isEmpty
      if let own = held["base_layer.bias"] ?? held["bias"], !scope.saves(path),
        bias == .all || bias == .targets && isTarget
      {
        part.bias = PeftTensor(isTarget ? "base_layer.bias" : "bias", own, .constant(0))
      }
      if !part.all.isEmpty { parts.append(part) }
    }
    return parts
  }

  /// The method's tensors for a module; none if it does not adapt the module.
  private func stored(_ module: PeftModule, isOutput: Bool) throws(ConfigurationError) -> [PeftTensor] {
    let prefix = type(of: method).prefix
    let isHeld = module.held?.keys.contains { $0.hasPrefix(prefix) } ?? false
    let isTarget = scope.isTarget(module.name, isLinear: module.isLinear, isOutput: isOutput)
    if isTarget == nil, contents == nil {
      throw .impossible(
        key: "target_modules", value: "an expression that is not understood",
        expected: "a list of names, or a regular expression without look-around", file: source)
    }
    return try isTarget ?? isHeld ? method.tensors(for: module) ?? [] : []
  }

  /// A replacement for a tensor of the base model; nil if the place has no such tensor.
  private func replacement(
    _ place: EncoderPlace, _ suffix: String, _ shape: DebertaConfiguration, isTarget: Bool = false
  ) -> PeftTensor? {
    place.kind(in: shape)?.tensors.first { $0.suffix == suffix }.map {
      PeftTensor(
        (isTarget ? "base_layer." : "") + suffix.drop { $0 == "." }, $0.shape,
        .base(place, isBias: suffix != ".weight"))
    }
  }

  private func wholeName(_ path: String) -> String {
    contents?.isBelowHead ?? true ? EncoderLayout.storedName(path) : path
  }

  private func saved(_ module: PeftModule) -> ConfigurationError {
    .impossible(
      key: "modules_to_save", value: "'\(module.name)' among others",
      expected: "modules other than the convolution beside the first layer", file: source)
  }

  // MARK: Hooks

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    let shape = encoder.configuration
    let parts = try parts(shape)
    let targets = parts.filter { !$0.tensors.isEmpty }.map(\.module)
    let shared = try shared(targets, shape)
    let derived = method.derivedTensors(for: targets, in: encoder)
    var hooks = EncoderHooks(layers: shape.layerCount)
    hooks.prompt = method.prompt(PeftTensors(parameters, shared))
    for part in parts {
      let module = part.module
      let tensors = PeftTensors(
        parameters, shared + part.all.map { $0.spec(at: module.path) }, derived: derived)
      let change = PeftChange(
        module: module, method: part.tensors.isEmpty ? nil : method, tensors: tensors,
        weight: part.weight.map { tensors[$0.member] }, bias: part.bias.map { tensors.row($0.member) })
      guard case .encoder(let place) = module.place else {
        hooks.heads[module.path] = PeftHeadHook(change: change)
        continue
      }
      switch (module.kind, encoder.module(place)) {
      case (.linear, .linear(let layer)?): hooks[linear: place] = change.hook(for: layer, on: pass)
      case (.norm, .norm(let norm)?): hooks[norm: place] = change.norm(for: norm)
      case (.table, .table(let table)?):
        let rows = part.rows.map { TokenRows(indices: tokens?.indices(for: module) ?? [], rows: tensors[$0.member]) }
        hooks[table: place] = change.hook(for: table, rows, on: pass)
        if place == .wordEmbeddings, let rows = rows ?? hooks[table: place] as? TokenRows {
          for decoder in PeftModule.decoders where hooks.heads[decoder] == nil {
            hooks.heads[decoder] = TiedTokenRows(tokens: rows, words: table)
          }
        }
      case (.vector, _):
        if let bias = change.bias, let own = encoder.bias(place) {
          hooks.add(bias, over: own, at: place, in: encoder, on: pass)
        }
      case (.convolution, _):
        if let bias = change.bias, let own = encoder.bias(place) {
          hooks[linear: place] = AddedBias(from: own, to: bias, on: pass)
        }
      default: preconditionFailure("\(module.path) is not what the table of places says")
      }
    }
    return hooks
  }

  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    let pass = Pass(encoder.compute)
    guard let hooks = try? hooks(parameters, named: "", in: encoder, on: pass) else { return nil }
    return encoder.merging(hooks, on: pass)
  }
}

extension PeftAdapter {
  /// Plain LoRA on the layers' linear layers; nil for everything else.
  func plainLoRA(_ shape: DebertaConfiguration) throws(ConfigurationError) -> [LoRATarget]? {
    guard let lora = method as? PeftLoRA, !lora.isDoRA, !lora.hasBias, lora.start == .ordinary else { return nil }
    var targets: [LoRATarget] = []
    for part in try parts(shape) {
      guard part.weight == nil, part.bias == nil, part.rows == nil,
        case .encoder(.projection(let place, let layer)) = part.module.place
      else { return nil }
      let rank = try lora.rank(part.module)
      targets.append(
        LoRATarget(
          place, layer: layer, rank: rank, alpha: try lora.scale(part.module) * Float(rank), dropout: lora.dropout))
    }
    return targets
  }

  /// The encoder modules matched by `modules_to_save`, under the names used there.
  func savedModules(_ shape: DebertaConfiguration) throws(ConfigurationError) -> [String] {
    let modules = EncoderLayout(shape).places.map { wholeName($0.path(in: shape.family)) }
    return scope.saved.filter { name in modules.contains { PeftScope.saves($0, naming: [name]) } }
  }

  /// The modules adapted by the method, with its tensors for them.
  func targets(_ shape: DebertaConfiguration) throws(ConfigurationError) -> [(
    module: PeftModule, specs: [ParameterSpec]
  )] {
    try parts(shape).filter { !$0.tensors.isEmpty }.map { part in
      (part.module, part.tensors.map { $0.spec(at: part.module.path) })
    }
  }
}

extension EncoderPlace {
  fileprivate var mixesHeads: Bool {
    switch self {
    case .headLogits, .headWeights: true
    default: false
    }
  }
}

extension PeftModule {
  fileprivate var isLinear: Bool { if case .linear = kind { true } else { false } }
}

extension PeftModule.Kind {
  fileprivate init(_ kind: EncoderPlace.Kind) {
    switch kind {
    case .table(let rows, let columns): self = .table(rows: rows, columns: columns)
    case .linear(let inputs, let outputs, _): self = .linear(inputs: inputs, outputs: outputs)
    case .norm(let size): self = .norm(size: size)
    case .vector: self = .vector
    case .convolution: self = .convolution
    }
  }
}

extension EncoderHooks {
  /// Replaces the bias of v1's queries or values, which is added after all other hooks.
  fileprivate mutating func add(
    _ bias: Tensor, over own: Tensor, at place: EncoderPlace, in encoder: Encoder, on pass: Pass
  ) {
    let (layer, part): (Int, Int)
    switch place {
    case .queryBias(let own): (layer, part) = (own, 0)
    case .valueBias(let own): (layer, part) = (own, 2)
    default: preconditionFailure("\(place) is no bias")
    }
    let heads = encoder.configuration.headCount
    let size = own.columns / heads
    let (shift, change) = (pass.tensor(rows: 1, columns: 3 * own.columns), pass.copy(bias))
    pass.add(own, times: -1, to: change)
    shift.pointer.update(repeating: 0, count: shift.columns)
    for head in 0..<heads {
      let first = (3 * head + part) * size
      pass.copy(change.columns(head * size..<(head + 1) * size), into: shift.columns(first..<first + size))
    }
    let before = layers[layer][.queryKeyValue]
    layers[layer][.queryKeyValue] = StackedProjection(children: [before, AddedBias(shift)].compactMap { $0 })
  }
}
