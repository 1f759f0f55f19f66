public import Checkpoints
public import Deberta
public import Tensors

/// A PEFT method: its settings, its parameters and its hooks.
///
/// One type and one file per method. Saving, loading, counting and composing are generic over the parameter list and
/// the hooks.
public protocol AdapterMethod: Sendable {
  /// The value of `architecture` in configurations of `adapters`; nil for bottlenecks, which have none.
  static var architecture: String? { get }

  /// The keys of its settings.
  static var fields: [MethodField] { get }

  /// Whether a configuration with this architecture belongs to this method: several methods share one.
  static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool

  /// Reads the settings of `adapter_config.json`.
  init(_ fields: ConfigurationFields) throws(ConfigurationError)

  /// The method's common name: that of the preset it matches in all but sizes, such as `ia3` or `compacter++`.
  var name: String { get }

  /// The supported keys of its settings.
  var keys: [String] { get }

  /// The settings as `adapters` stores them, with every key.
  var settings: [String: JSONValue] { get }

  /// Messages about settings that have no effect, as a saved adapter may have them.
  var notices: [String] { get }

  /// The method with more layers left out.
  ///
  /// - Throws: `ConfigurationError` for a method without layers, or one that cannot select them.
  func leavingOut(_ layers: Set<Int>, of shape: DebertaV2Configuration) throws(ConfigurationError) -> any AdapterMethod

  /// Checks that a new adapter can be initialized: settings about initial values are supported or refused.
  func checkStart() throws(ConfigurationError)

  /// The parameters of this method for an encoder.
  func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec]

  /// The adapter's hooks.
  ///
  /// - Parameters:
  ///   - parameters: the adapter's tensors.
  ///   - name: the adapter's name, for the trace.
  ///   - encoder: the encoder to adapt.
  ///   - pass: computes derived tensors, so that a tape records them.
  func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks

  /// An equivalent adapter for unchanged base weights, if this one was trained with modified ones; nil if there is no
  /// conversion.
  func converted(
    _ parameters: AdapterParameters, for encoder: Encoder
  ) throws(ConfigurationError) -> Adapter?

  /// The encoder with the adapter merged into its weights; nil if it cannot be merged.
  func merged(_ parameters: AdapterParameters, into encoder: Encoder) -> Encoder?
}

extension AdapterMethod {
  public static func claims(_ fields: ConfigurationFields) throws(ConfigurationError) -> Bool { true }

  public var name: String { Self.architecture ?? "bottleneck" }

  public var keys: [String] { Self.fields.map(\.key) }

  public var notices: [String] { [] }

  /// Uses the setting `leave_out`, or `layers`.
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
