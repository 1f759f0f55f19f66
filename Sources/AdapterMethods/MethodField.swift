public import Checkpoints

/// A key of a method's settings, declared once: what is parsed, written, proposed and refused follows from it.
public struct MethodField: Sendable {
  public let key: String
  /// What counts where the key is missing or null; nil: every configuration has to give it.
  public let standard: JSONValue?
  public let effect: Effect

  /// What a value other than the standard one does.
  public enum Effect: Sendable {
    /// What the method's own reading of it says.
    case acts
    /// Nothing, in the reference as here.
    case none
    /// How fresh values are found; a saved adapter has its values. Only the standard one is had here.
    case startsOnly(String)
    /// Something that is not had here; nil: also not with these values.
    case refused(String, except: [JSONValue] = [])
  }

  /// - Parameters:
  ///   - key: its name in the reference's files.
  ///   - standard: what counts where it is missing; nil: it has to be given.
  ///   - effect: what another value does.
  public init(_ key: String, _ standard: JSONValue?, _ effect: Effect = .acts) {
    self.key = key
    self.standard = standard
    self.effect = effect
  }

  /// The seed from which every module of a fresh adapter starts anew, as in the reference.
  static let seed = MethodField("init_weights_seed", .null)

  /// The type of numbers that an adapter is kept in.
  static let numberType = MethodField(
    "dtype", .null,
    .refused(
      "null or 'float32': adapters are computed in float32", except: [.string("float32"), .string("torch.float32")]))
}

extension ConfigurationFields {
  /// Every declared member, those that are missing by their standard values; members that nobody declared are kept, as
  /// the reference keeps them.
  ///
  /// - Throws: `ConfigurationError` for a member with an effect that is not had here.
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

  /// Settings whose `leave_out` names some more layers.
  init(leavingOut layers: Set<Int>, in settings: [String: JSONValue]) throws(ConfigurationError) {
    let fields = try ConfigurationFields(.object(settings), file: "the settings")
    let all = layers.union(try fields.integers("leave_out") ?? [])
    self = try fields.replacing("leave_out", by: .array(all.sorted().map { .integer($0) }))
  }

  /// The same members with another value of one.
  func replacing(_ key: String, by value: JSONValue) throws(ConfigurationError) -> ConfigurationFields {
    try ConfigurationFields(.object(members.merging([key: value]) { $1 }), file: file)
  }

  /// - Throws: `ConfigurationError`, if fresh values would have to be found in a way that is not had here.
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

  /// A probability in training, less than 1.
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
