public import Checkpoints

/// A label in data: a name, or a number that is a name or otherwise an index.
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

/// Multiple labels.
public enum MultipleLabels: Sendable, Hashable {
  /// The labels that apply.
  case listed([GivenLabel])
  /// Whether each label applies, in vocabulary order.
  case flags([Bool])
}

extension GivenLabel {
  /// Whether a label applies, for a value that says nothing else: 0 and 1, false and true.
  public var flag: Bool? {
    switch description.lowercased() {
    case "0", "0.0", "false": false
    case "1", "1.0", "true": true
    default: nil
    }
  }

  /// Whether the number means 'no gold label': -1 as in SNLI and GLUE's test sets, -100 as ignored by losses.
  public var isNone: Bool { self == .number(-1) || self == .number(-100) }

  /// A label from a file; nil if the value cannot be one.
  ///
  /// In text-only formats, digits may be meant as a number.
  public init?(_ value: JSONValue, isTextOnly: Bool) {
    switch value {
    case .string(let name):
      guard isTextOnly else {
        self = .name(name)
        return
      }
      let words = name.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace)
      self.init(cell: String(words.reversed()))
    case .bool(let bool): self = .number(bool ? 1 : 0)
    default:
      guard let number = value.wholeNumber else { return nil }
      self = .number(number)
    }
  }

  /// - Parameter cell: the text of a cell, without surrounding spaces.
  private init(cell: String) {
    // In integer columns with gaps, some programs write -1 as -1.0.
    let digits = cell.hasPrefix("-") && cell.hasSuffix(".0") ? String(cell.dropLast(2)) : cell
    if let number = Int(digits), "\(number)" == digits { self = .number(number) } else { self = .name(cell) }
  }
}
