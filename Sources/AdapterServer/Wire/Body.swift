import AdapterHost
import Foundation

/// A problem with a request, as a sentence.
struct Fault: Error, Hashable, CustomStringConvertible {
  enum Kind: Hashable {
    /// The text is not valid JSON.
    case syntax
    /// A member is missing, of the wrong type or out of range.
    case value
    /// The request has no inputs.
    case empty
    /// The request has too many inputs.
    case batch
    /// Path, body and header contradict each other.
    case disagreement
  }

  var kind = Kind.value
  let description: String
  /// The member at fault.
  var parameter: String?
}

/// The members of a JSON object sent by a client.
struct Body: Sendable {
  let members: [String: JSONValue]
  /// The object's path, for messages: `parameters.`
  private let place: String

  init(_ members: [String: JSONValue] = [:], place: String = "") {
    self.members = members
    self.place = place
  }

  /// - Throws: `Fault` if the text is not a JSON object.
  init(_ text: Data) throws(Fault) {
    let value: JSONValue
    do { value = try JSONValue(text, file: "The body") } catch {
      throw Fault(kind: .syntax, description: "\(error)")
    }
    guard case .object(let members) = value else {
      throw Fault(kind: .syntax, description: "The body is \(value.brief); expected an object.")
    }
    self.init(members)
  }

  /// A member; null counts as missing.
  subscript(name: String) -> JSONValue? {
    let value = members[name]
    return value == .null ? nil : value
  }

  func contains(_ name: String) -> Bool { members[name] != nil }

  func wrong(_ name: String, _ value: JSONValue?, _ expected: String) -> Fault {
    let found = value.map { "is \($0.brief)" } ?? "is missing"
    return Fault(description: "'\(place)\(name)' \(found); expected \(expected).", parameter: place + name)
  }

  private func typed<Value>(
    _ name: String, _ expected: String, _ convert: (JSONValue) -> Value?
  ) throws(Fault) -> Value? {
    guard let value = self[name] else { return nil }
    guard let result = convert(value) else { throw wrong(name, value, expected) }
    return result
  }

  func string(_ name: String) throws(Fault) -> String? { try typed(name, "a string") { $0.text } }

  func bool(_ name: String) throws(Fault) -> Bool? {
    try typed(name, "true or false") { if case .bool(let value) = $0 { value } else { nil } }
  }

  func integer(_ name: String, atLeast least: Int = .min) throws(Fault) -> Int? {
    try typed(name, least == .min ? "a whole number" : "a whole number, \(least) or more") {
      if case .integer(let value) = $0, value >= least { value } else { nil }
    }
  }

  func number(_ name: String) throws(Fault) -> Double? {
    try typed(name, "a number") {
      switch $0 {
      case .integer(let value): Double(value)
      case .number(let value): value.isFinite ? value : nil
      default: nil
      }
    }
  }

  func strings(_ name: String) throws(Fault) -> [String]? {
    try typed(name, "a list of strings") { $0.texts }
  }

  /// Strings, or one comma-separated string.
  func names(_ name: String) throws(Fault) -> [String]? {
    try typed(name, "a list of strings") { value in
      value.texts ?? value.text.map { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
    }
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: String, _ type: Choice.Type
  ) throws(Fault) -> Choice? where Choice.RawValue == String {
    guard let text = try string(name) else { return nil }
    // Python's enumerations take any case.
    guard let choice = Choice(rawValue: text.lowercased()) else {
      let known = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
      throw Fault(
        description: "'\(place)\(name)' is '\(text.prefix(60))'; expected one of \(known).", parameter: place + name)
    }
    return choice
  }

  func object(_ name: String) throws(Fault) -> Body? {
    try typed(name, "an object") {
      if case .object(let members) = $0 { Body(members, place: place + name + ".") } else { nil }
    }
  }

  func required<Value>(_ name: String, _ value: Value?, _ expected: String) throws(Fault) -> Value {
    guard let value else { throw wrong(name, self[name], expected) }
    return value
  }

  /// Refuses members that have no effect.
  func requireNothing(besides known: Set<String>) throws(Fault) {
    for name in members.keys.sorted() where !known.contains(name) && self[name] != nil {
      let nearest = NearestNames.of(name, in: known.sorted(), limit: 1)
      throw Fault(
        description: "'\(place)\(name)' is not known here"
          + (nearest.first.map { "; did you mean '\($0)'?" } ?? "; known are \(known.sorted().joined(separator: ", "))."),
        parameter: place + name)
    }
  }
}

extension JSONValue {
  var text: String? { if case .string(let text) = self { text } else { nil } }

  var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }

  /// The elements of a list of strings.
  var texts: [String]? {
    guard let elements else { return nil }
    let texts = elements.compactMap(\.text)
    return texts.count == elements.count ? texts : nil
  }

  /// The elements of a nonempty list of integers.
  var integers: [Int]? {
    guard let elements, !elements.isEmpty else { return nil }
    let numbers = elements.compactMap { if case .integer(let value) = $0 { value } else { nil } }
    return numbers.count == elements.count ? numbers : nil
  }

  /// The type of the value, without a client's text.
  var brief: String {
    switch self {
    case .string: "a string"
    case .array(let elements) where elements.isEmpty: "an empty list"
    default: kind
    }
  }
}
