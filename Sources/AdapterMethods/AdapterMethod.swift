public import Checkpoints
public import Deberta
public import Tensors

/// A method of adapting an encoder: its settings, what it stores, and how it acts.
///
/// One type and one file for each method. Saving, loading, counting and
/// composing are written once, over the parameter list and the hooks.
public protocol AdapterMethod: Sendable {
  /// The value of `architecture` in the reference's configuration; nil for bottlenecks, which have none.
  static var architecture: String? { get }

  /// The keys of its settings.
  static var fields: [MethodField] { get }

  /// Whether a configuration of this architecture is of this method: several methods share one.
  static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool

  /// Reads the settings of `adapter_config.json`.
  init(_ fields: ConfigurationFields) throws(ConfigurationError)

  /// What people call the method: the name of the preset that it is in all but sizes, such as `ia3` or `compacter++`.
  var name: String { get }

  /// The keys that its settings can have.
  var keys: [String] { get }

  /// The settings as the reference stores them, every key.
  var settings: [String: JSONValue] { get }

  /// What the settings name without an effect, as a saved adapter may: sentences for people.
  var notices: [String] { get }

  /// The method without modules in some more layers.
  ///
  /// - Throws: `ConfigurationError` for a method that acts in no layers, or cannot say in which.
  func leavingOut(_ layers: Set<Int>, of shape: DebertaV2Configuration) throws(ConfigurationError) -> any AdapterMethod

  /// Whether a fresh adapter can be made: settings that say how its values are found act, or are refused.
  func checkStart() throws(ConfigurationError)

  /// What an adapter of this method stores for an encoder.
  func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec]

  /// How an adapter acts.
  ///
  /// - Parameters:
  ///   - parameters: the adapter's tensors.
  ///   - name: the adapter's, for what it records.
  ///   - encoder: what it acts on.
  ///   - pass: what is computed of the tensors beforehand is computed with it, so that a tape sees it.
  func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks

  /// The same adapter for an encoder that stays as it is, where this one goes with a change of the encoder's weights;
  /// nil where there is none.
  func converted(
    _ parameters: AdapterParameters, for encoder: Encoder
  ) throws(ConfigurationError) -> Adapter?

  /// The encoder with an adapter's effect in its weights, or nil where that cannot be.
  func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder?
}

extension AdapterMethod {
  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool { true }

  public var name: String { Self.architecture ?? "bottleneck" }

  public var keys: [String] { Self.fields.map(\.key) }

  public var notices: [String] { [] }

  /// By the setting `leave_out`, or by `layers`.
  public func leavingOut(
    _ layers: Set<Int>, of shape: DebertaConfiguration
  ) throws(ConfigurationError) -> any AdapterMethod {
    let fields = try ConfigurationFields(.object(settings), file: "the settings of \(name)")
    let keys = Self.fields.map(\.key)
    if keys.contains("leave_out") { return try Self(ConfigurationFields(leavingOut: layers, in: settings)) }
    guard keys.contains("layers") else {
      throw fields.impossible(
        "leave_out", "\(layers.sorted())", "a method that acts in layers: \(name) has no such setting")
    }
    let own = fields.members["layers"] == .string("all") ? nil : try fields.integers("layers")
    let rest = (own ?? Array(0..<shape.layerCount)).filter { !layers.contains($0) }
    return try Self(fields.replacing("layers", by: .array(rest.map { .integer($0) })))
  }

  public func checkStart() throws(ConfigurationError) {
    try ConfigurationFields(.object(settings), file: "the configuration").checkStart(Self.fields)
  }

  public func converted(
    _ parameters: AdapterParameters, for encoder: Encoder
  ) throws(ConfigurationError) -> Adapter? { nil }

  public func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder? { nil }
}

/// The methods that configurations can name.
public struct MethodCatalog: Sendable {
  private let methods: [any AdapterMethod.Type]

  /// - Parameter methods: where several have one architecture, the first that claims a configuration reads it.
  public init(_ methods: [any AdapterMethod.Type]) { self.methods = methods }

  /// The methods of this package.
  public static let standard = MethodCatalog([
    Bottleneck.self, DoRA.self, IA3.self, VeRA.self, LoRA.self, MTLLoRA.self, Reft.self, PrefixTuning.self,
    PromptTuning.self,
  ])

  /// These methods and further ones, such as an application's own; they come first.
  public func adding(_ methods: any AdapterMethod.Type...) -> MethodCatalog { MethodCatalog(methods + self.methods) }

  /// The configuration of a method that has no preset: its architecture says all.
  func configuration(ofArchitecture name: String) -> [String: JSONValue]? {
    methods.contains { $0.architecture == name } ? ["architecture": .string(name)] : nil
  }

  /// Reads a configuration: `architecture` tells the method.
  ///
  /// - Throws: `ConfigurationError`, also for a method that is not in the catalogue.
  public func method(_ fields: ConfigurationFields) throws(ConfigurationError) -> any AdapterMethod {
    if try PeftAdapter.claims(fields) { return try PeftAdapter(fields) }
    let architecture = try fields.string("architecture")
    if architecture == Union.architecture { return try Union(fields, self) }
    for method in methods where method.architecture == architecture {
      if try method.claims(fields) { return try method.init(fields) }
    }
    let known = Set(methods.map { $0.architecture.map { "'\($0)'" } ?? "none (a bottleneck)" } + ["'union'"])
    throw .impossible(
      key: "architecture", value: "'\(architecture ?? "none")'",
      expected: "one of " + known.sorted().joined(separator: ", "), file: fields.file)
  }
}
