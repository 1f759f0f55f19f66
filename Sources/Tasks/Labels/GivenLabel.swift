public import Checkpoints

/// A label as data gives it: by name, or by a number that is its name or else its place among the labels.
public enum GivenLabel: Sendable, Hashable, CustomStringConvertible {
  case name(String)
  case number(Int)

  /// The name; the number in digits.
  public var description: String {
    switch self {
    case .name(let name): name
    case .number(let number): "\(number)"
    }
  }
}

/// Any number of labels at once.
public enum MultipleLabels: Sendable, Hashable {
  /// Those that apply.
  case listed([GivenLabel])
  /// Whether each applies, in the order of the vocabulary.
  case flags([Bool])
}

extension GivenLabel {
  /// A label as a file gives it; nil if the value can be none.
  ///
  /// - Parameter isTextOnly: whether digits can be meant as a number.
  public init?(_ value: JSONValue, isTextOnly: Bool) {
    switch value {
    case .string(let name):
      if isTextOnly, let number = Int(name), "\(number)" == name { self = .number(number) } else { self = .name(name) }
    case .bool(let bool): self = .number(bool ? 1 : 0)
    default:
      guard let number = value.wholeNumber else { return nil }
      self = .number(number)
    }
  }
}
