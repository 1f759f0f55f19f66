/// The members of a JSON object, with typed access.
///
/// A null member counts as missing.
public struct ConfigurationFields: Sendable {
  public let members: [String: JSONValue]
  /// The source of the object, for messages.
  public let file: String

  /// - Throws: ``ConfigurationError/wrongType(key:expected:found:file:)`` if the value is not an object.
  public init(_ value: JSONValue, file: String) throws(ConfigurationError) {
    guard case .object(let members) = value else {
      throw .wrongType(key: "", expected: "an object", found: value.kind, file: file)
    }
    self.members = members
    self.file = file
  }

  /// Reads the object in a file of at most `limit` bytes.
  public init(path: String, limit: Int = Limits.configurationBytes) throws(ConfigurationError) {
    let value: JSONValue
    do { value = try JSONValue(path: path, limit: limit) } catch { throw .unreadable(error) }
    try self.init(value, file: path)
  }

  /// A member converted by `read`, or nil if it is missing.
  public func value<T>(
    _ key: String, _ expected: String, as read: (JSONValue) -> T?
  ) throws(ConfigurationError) -> T? {
    guard let member = members[key], member != .null else { return nil }
    guard let value = read(member) else {
      throw .wrongType(key: key, expected: expected, found: member.kind, file: file)
    }
    return value
  }

  public func string(_ key: String) throws(ConfigurationError) -> String? {
    try value(key, "a string") { if case .string(let string) = $0 { string } else { nil } }
  }

  public func bool(_ key: String) throws(ConfigurationError) -> Bool? {
    try value(key, "true or false") { if case .bool(let bool) = $0 { bool } else { nil } }
  }

  /// An integer, written as `4` or `4.0`.
  public func integer(_ key: String, in range: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
    guard let integer = try value(key, "a whole number", as: \.wholeNumber) else { return nil }
    guard range.contains(integer) else {
      throw .impossible(
        key: key, value: "\(integer)", expected: "\(range.lowerBound) to \(range.upperBound)", file: file)
    }
    return integer
  }

  /// A finite number.
  public func number(_ key: String) throws(ConfigurationError) -> Double? {
    try value(key, "a finite number", as: \.double)
  }

  public func integers(_ key: String) throws(ConfigurationError) -> [Int]? {
    try value(key, "a list of whole numbers") { value in
      guard case .array(let elements) = value else { return nil }
      let integers = elements.compactMap(\.wholeNumber)
      return integers.count == elements.count ? integers : nil
    }
  }

  public func strings(_ key: String) throws(ConfigurationError) -> [String]? {
    let elements = try value(key, "a list of strings") { if case .array(let elements) = $0 { elements } else { nil } }
    guard let elements else { return nil }
    var strings: [String] = []
    for (index, element) in elements.enumerated() {
      guard case .string(let string) = element else {
        throw .wrongType(key: "\(key)[\(index)]", expected: "a string", found: element.kind, file: file)
      }
      strings.append(string)
    }
    return strings
  }

  /// The error for a member with an invalid value.
  public func impossible(_ key: String, _ value: String, _ expected: String) -> ConfigurationError {
    .impossible(key: key, value: value, expected: expected, file: file)
  }

  /// A member that is an object.
  public func object(_ key: String) throws(ConfigurationError) -> ConfigurationFields? {
    guard let member = members[key], member != .null else { return nil }
    guard case .object = member else {
      throw .wrongType(key: key, expected: "an object", found: member.kind, file: file)
    }
    return try ConfigurationFields(member, file: file)
  }
}

extension JSONValue {
  /// The value as an integer, if it is one.
  public var wholeNumber: Int? {
    switch self {
    case .integer(let integer): integer
    case .number(let number): Int(exactly: number)
    default: nil
    }
  }

  /// The value as a finite number, if it is one.
  public var double: Double? {
    switch self {
    case .integer(let integer): Double(integer)
    case .number(let number): number.isFinite ? number : nil
    default: nil
    }
  }
}

/// Why a configuration cannot be used.
public enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file cannot be read, or is not JSON.
  case unreadable(CheckpointError)
  /// A required member is missing.
  case missing(key: String, file: String)
  /// A member has the wrong type; an empty key stands for the whole object.
  case wrongType(key: String, expected: String, found: String, file: String)
  /// A member has an invalid value.
  case impossible(key: String, value: String, expected: String, file: String)

  public var description: String {
    switch self {
    case .unreadable(let error): error.description
    case .missing(let key, let file): "\(file): the key '\(key)' is missing, and it has no default."
    case .wrongType(let key, let expected, let found, let file):
      key.isEmpty
        ? "\(file): expected \(expected), found \(found)."
        : "\(file): '\(key)' must be \(expected), found \(found)."
    case .impossible(let key, let value, let expected, let file):
      "\(file): '\(key)' is \(value); expected \(expected)."
    }
  }
}
