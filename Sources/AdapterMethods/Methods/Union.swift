public import Checkpoints
public import Deberta
public import Tensors

/// Several methods in one adapter, each at different places.
///
/// The presets `mam` (He et al. 2021: prefix tuning and a parallel
/// bottleneck) and `unipelt` (Mao et al. 2022: gated prefix tuning, LoRA and a
/// bottleneck) are unions. Source: adapters,
/// `configuration/adapter_config.py`, `ConfigUnion`.
public struct Union: AdapterMethod {
  public static let architecture: String? = "union"

  public static let fields = [MethodField("architecture", .string("union")), MethodField("configs", nil)]

  private let members: [any AdapterMethod]
  /// Every key, as `adapters` stores it.
  public let settings: [String: JSONValue]
  /// The source of the configuration, for messages.
  private let source: String

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) { try self.init(fields, .standard) }

  /// - Throws: `ConfigurationError`, also for a nested union.
  init(_ fields: ConfigurationFields, _ catalog: MethodCatalog) throws(ConfigurationError) {
    let configurations = try fields.value("configs", "a list of configurations") { value -> [JSONValue]? in
      if case .array(let elements) = value { elements } else { nil }
    }
    guard let configurations else { throw .missing(key: "configs", file: fields.file) }
    var members: [any AdapterMethod] = []
    for configuration in configurations {
      let member = try catalog.method(ConfigurationFields(configuration, file: fields.file))
      if member is Union { throw fields.impossible("configs", "a union", "methods that are no unions themselves") }
      if member is PeftAdapter { throw fields.impossible("configs", "an adapter of PEFT", "methods of 'adapters'") }
      members.append(member)
    }
    self.members = members
    settings = fields.members.merging([
      "architecture": .string("union"), "configs": .array(members.map { .object($0.settings) }),
    ]) { $1 }
    source = fields.file
  }

  private init(_ members: [any AdapterMethod], like other: Union) {
    self.members = members
    settings = other.settings.merging(["configs": .array(members.map { .object($0.settings) })]) { $1 }
    source = other.source
  }

  /// Changes each member's adapter, and combines the results.
  ///
  /// - Parameters:
  ///   - parameters: the tensors of all members.
  ///   - shape: the model's shape.
  ///   - change: makes a new adapter from a member's; nil keeps it.
  /// - Returns: nil, if all members are unchanged.
  func replacing(
    _ parameters: AdapterParameters, for shape: DebertaV2Configuration, by change: (Adapter) throws -> Adapter?
  ) throws -> Adapter? {
    var (methods, specs): ([any AdapterMethod], [ParameterSpec]) = ([], [])
    var tensors: [String: Tensor] = [:]
    var hasChanged = false
    for member in members {
      var own = Adapter(
        method: member,
        parameters: AdapterParameters(
          try member.parameters(for: shape), of: parameters))
      if let changed = try change(own) { (own, hasChanged) = (changed, true) }
      methods.append(own.method)
      for spec in own.parameters.specs {
        specs.append(spec)
        tensors[spec.id] = own.parameters[spec]
      }
    }
    guard hasChanged else { return nil }
    return Adapter(method: Union(methods, like: self), parameters: AdapterParameters(specs, tensors))
  }

  public var notices: [String] { members.flatMap(\.notices) }

  /// Applies to every member that has layers.
  public func leavingOut(
    _ layers: Set<Int>, of shape: DebertaV2Configuration
  ) throws(ConfigurationError) -> any AdapterMethod {
    var changed: [any AdapterMethod] = []
    for member in members {
      changed.append(member is PromptTuning ? member : try member.leavingOut(layers, of: shape))
    }
    return Union(changed, like: self)
  }

  public func checkStart() throws(ConfigurationError) {
    for member in members { try member.checkStart() }
  }

  public var name: String {
    let names = members.map(\.name)
    let areGated = members.allSatisfy { $0.settings["use_gating"] == .bool(true) }
    switch names.sorted() {
    case ["par_bn", "prefix_tuning"]: return "mam"
    case ["lora", "prefix_tuning", "seq_bn"] where areGated: return "unipelt"
    default: return names.joined(separator: "|")
    }
  }

  /// - Throws: `ConfigurationError.impossible`, if two members have a tensor with the same name, because they adapt the
  ///   same place.
  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    var specs: [ParameterSpec] = []
    var seen: Set<String> = []
    for member in members {
      for spec in try member.parameters(for: shape).map({ $0.seeded(by: member) }) {
        guard seen.insert(spec.id).inserted else {
          throw .impossible(
            key: "configs", value: "two methods with a tensor at \(spec.id)", expected: "each at different places",
            file: source)
        }
        specs.append(spec)
      }
    }
    return specs
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var union = EncoderHooks(layers: encoder.configuration.layerCount)
    for member in members {
      let own = try member.hooks(parameters, named: name, in: encoder, on: pass)
      union.afterEmbeddings = own.afterEmbeddings ?? union.afterEmbeddings
      union.prompt = own.prompt ?? union.prompt
      for layer in union.layers.indices {
        let hooks = own.layers[layer]
        for place in encoder.configuration.family.projections {
          if let hook = hooks[place] { union.layers[layer][place] = hook }
        }
        union.layers[layer].memory = hooks.memory ?? union.layers[layer].memory
        union.layers[layer].afterAttention = hooks.afterAttention ?? union.layers[layer].afterAttention
        union.layers[layer].afterFeedForward = hooks.afterFeedForward ?? union.layers[layer].afterFeedForward
        union.layers[layer].afterLayer = hooks.afterLayer ?? union.layers[layer].afterLayer
      }
    }
    return union
  }

  /// The encoder with every member merged; nil, if one of them cannot be merged.
  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? {
    members.reduce(encoder) { encoder, member in
      encoder.flatMap { member.merged(parameters, into: $0) }
    }
  }
}
