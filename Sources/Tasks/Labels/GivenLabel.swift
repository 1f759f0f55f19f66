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
  /// Whether the number stands for 'no gold label': -1 as in SNLI and the test parts of GLUE, -100 as losses ignore it.
  public var isNone: Bool { self == .number(-1) || self == .number(-100) }

  /// A label as a file gives it; nil if the value can be none. In a file of texts alone, digits can be meant as a number.
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

  /// - Parameter cell: the text of a cell, without space around it.
  private init(cell: String) {
    // Where a column of whole numbers has gaps, some programs write -1 as -1.0.
    let digits = cell.hasPrefix("-") && cell.hasSuffix(".0") ? String(cell.dropLast(2)) : cell
    if let number = Int(digits), "\(number)" == digits { self = .number(number) } else { self = .name(cell) }
  }
}
