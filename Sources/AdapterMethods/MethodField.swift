public import Checkpoints

/// A key of a method's settings, declared once for parsing, writing, suggestions and validation.
public struct MethodField: Sendable {
  public let key: String
  /// The default for a missing or null key; nil: the key is required.
  public let standard: JSONValue?
  public let effect: Effect

  /// The effect of a value other than the default.
  public enum Effect: Sendable {
    /// Interpreted by the method.
    case acts
    /// None, neither in `adapters` nor here.
    case none
    /// Initialization of new adapters; a saved adapter has its values. Only the default is supported here.
    case startsOnly(String)
    /// Not supported here, except for the listed values.
    case refused(String, except: [JSONValue] = [])
  }

  /// - Parameters:
  ///   - key: its name in files of `adapters`.
  ///   - standard: the default; nil: the key is required.
  ///   - effect: the effect of another value.
  public init(_ key: String, _ standard: JSONValue?, _ effect: Effect = .acts) {
    self.key = key
    self.standard = standard
    self.effect = effect
  }

  /// The seed that restarts the random values in every module of a new adapter, as in `adapters`.
  static let seed = MethodField("init_weights_seed", .null)

  /// The number type in which an adapter is stored.
  static let numberType = MethodField(
    "dtype", .null,
    .refused(
      "null or 'float32': adapters are computed in float32", except: [.string("float32"), .string("torch.float32")]))
}

extension ConfigurationFields {
  /// All declared members with defaults filled in; undeclared members are kept, as `adapters` does.
  ///
  /// - Throws: `ConfigurationError` for a member with an unsupported effect.
  public func completed(by declared: [MethodField]) throws(ConfigurationError) -> ConfigurationFields {
    var members = members
    for field in declared {
      let given = members[field.key] ?? .null
      guard given != .null else {
        members[field.key] = field.standard
        continue
      }
      if case .refused(let expected, let exceptions) = field.effect, given != field.standard,
        !exceptions.contains(given)
      {
        throw impossible(field.key, given.kind, expected)
      }
    }
    return try ConfigurationFields(.object(members), file: file)
  }

  /// The settings with more layers in `leave_out`.
  init(leavingOut layers: Set<Int>, in settings: [String: JSONValue]) throws(ConfigurationError) {
    let fields = try ConfigurationFields(.object(settings), file: "the settings")
    let all = layers.union(try fields.integers("leave_out") ?? [])
    self = try fields.replacing("leave_out", by: .array(all.sorted().map { .integer($0) }))
  }

  /// The members with one value replaced.
  func replacing(_ key: String, by value: JSONValue) throws(ConfigurationError) -> ConfigurationFields {
    try ConfigurationFields(.object(members.merging([key: value]) { $1 }), file: file)
  }

  /// - Throws: `ConfigurationError`, if the settings require an unsupported initialization.
  func checkStart(_ declared: [MethodField]) throws(ConfigurationError) {
    for field in declared {
      guard case .startsOnly(let expected) = field.effect, let given = members[field.key], given != .null,
        given != field.standard
      else { continue }
      throw impossible(field.key, given.kind, expected)
    }
  }

  // MARK: Members that are there, given or by their standard values

  func flag(_ key: String) throws(ConfigurationError) -> Bool { try there(key, bool(key)) }

  func whole(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    try there(key, integer(key, in: range))
  }

  func real(_ key: String) throws(ConfigurationError) -> Float {
    let number = try there(key, number(key))
    guard Float(number).isFinite else { throw impossible(key, "\(number)", "a number of single precision") }
    return Float(number)
  }

  func word(_ key: String) throws(ConfigurationError) -> String { try there(key, string(key)) }

  func layers(_ key: String) throws(ConfigurationError) -> Set<Int> { Set(try there(key, integers(key))) }

  /// A dropout probability, less than 1.
  func probability(_ key: String) throws(ConfigurationError) -> Float {
    let probability = try there(key, number(key))
    guard (0..<1).contains(probability) else {
      throw impossible(key, "\(probability)", "a number from 0 to less than 1")
    }
    return Float(probability)
  }

  /// - Throws: `ConfigurationError.missing`.
  func there<Value>(_ key: String, _ value: Value?) throws(ConfigurationError) -> Value {
    guard let value else { throw .missing(key: key, file: file) }
    return value
  }
}
