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
