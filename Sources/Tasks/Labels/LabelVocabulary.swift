internal import Checkpoints
internal import Files
internal import FoundationEssentials
public import Heads

/// The labels of a task, in the head's output order.
public struct LabelVocabulary: Sendable, Hashable {
  public let names: [String]
  private let indices: [String: Int]

  public var count: Int { names.count }

  /// - Throws: ``LabelError/none``, ``LabelError/repeated(_:)``, ``LabelError/tooMany(limit:)``.
  public init(_ names: [String]) throws(LabelError) {
    guard !names.isEmpty else { throw .none }
    guard names.count <= Limits.labels else { throw .tooMany(limit: Limits.labels) }
    var indices: [String: Int] = [:]
    for (index, name) in names.enumerated() {
      guard indices.updateValue(index, forKey: name) == nil else { throw .repeated(name) }
    }
    self.names = names
    self.indices = indices
  }

  /// The labels of a head; `LABEL_0`, … if they have no names.
  public init(_ settings: HeadSettings) throws(LabelError) {
    try self.init(settings.labelNames)
  }

  /// Reads labels from a file: a JSON list, a JSON object from labels to numbers (`label2id`) or from numbers to labels
  /// (`id2label`), or one label per line.
  ///
  /// - Throws: ``LabelError/unreadable(path:reason:)``, ``LabelError/none``, ``LabelError/repeated(_:)``.
  public init(path: String) throws(LabelError) {
    let bytes: Data
    do { bytes = try AtomicFile.read(path) } catch { throw .unreadable(path: path, reason: error.description) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unreadable(path: path, reason: "\(path): it is not UTF-8.")
    }
    guard let first = text.first(where: { !$0.isWhitespace }), "[{".contains(first) else {
      let lines = text.split(whereSeparator: \.isNewline).filter { line in line.contains { !$0.isWhitespace } }
      try self.init(lines.map(String.init))
      return
    }
    let value: JSONValue
    do { value = try JSONValue(bytes, file: path) } catch {
      throw .unreadable(path: path, reason: error.description)
    }
    guard let names = Self.names(value) else {
      throw .unreadable(
        path: path, reason: "\(path): expected a list of labels, or an object of labels with their numbers from 0.")
    }
    try self.init(names)
  }

  private static func names(_ value: JSONValue) -> [String]? {
    switch value {
    case .array(let elements):
      let names = elements.compactMap { GivenLabel($0, isTextOnly: false)?.description }
      return names.count == elements.count ? names : nil
    case .object(let members):
      let pairs = members.compactMap { key, value -> (number: Int, name: String)? in
        if case .string(let name) = value { return Int(key).map { ($0, name) } }
        return value.wholeNumber.map { ($0, key) }
      }
      let sorted = pairs.sorted { $0.number < $1.number }
      return pairs.count == members.count && sorted.map(\.number) == Array(0..<pairs.count) ? sorted.map(\.name) : nil
    default: return nil
    }
  }

  // MARK: - Looking up

  /// Whether the numbers of a data set are names of labels; if not, they are places, all of them.
  ///
  /// Labels that are called 1 to 5 meet data that count them from 0, and a number may be a name and another label's
  /// place: one reading holds for all.
  /// - Throws: ``LabelError/ambiguous(_:)`` where neither reading fits, or both do and differ.
  public func namesNumbers(_ numbers: Set<Int>) throws(LabelError) -> Bool {
    let areNames = numbers.allSatisfy { indices["\($0)"] != nil }
    let arePlaces = numbers.allSatisfy { names.indices.contains($0) }
    if !areNames {
      // What is neither is reported where it stands.
      if arePlaces || numbers.isDisjoint(with: names.compactMap { Int($0) }) { return false }
      if numbers.contains(where: { indices["\($0)"] == nil && names.indices.contains($0) }) {
        throw .ambiguous(numbers.sorted())
      }
      return true
    }
    let own = names.compactMap { Int($0) }
    let isSorted = own == own.sorted()
    if arePlaces, !isSorted, numbers.contains(where: { names[$0] != "\($0)" }) { throw .ambiguous(numbers.sorted()) }
    return true
  }

  /// The index of a label: that of its name, or the number itself if no label has it as a name.
  ///
  /// - Throws: ``LabelError/unknown(_:nearest:known:)``, ``LabelError/outOfRange(_:count:)``.
  public func index(of label: GivenLabel) throws(LabelError) -> Int {
    if let index = indices[label.description] { return index }
    switch label {
    case .name(let name): throw .unknown(name, nearest: NearestNames.of(name, in: names), known: names)
    case .number(let number):
      guard names.indices.contains(number) else { throw .outOfRange(number, count: count) }
      return number
    }
  }

  /// Whether each label applies.
  ///
  /// - Throws: ``LabelError/flagCount(found:count:)``, and the errors of ``index(of:)``.
  public func flags(of labels: MultipleLabels) throws(LabelError) -> [Bool] {
    switch labels {
    case .flags(let flags):
      guard flags.count == count else { throw .flagCount(found: flags.count, count: count) }
      return flags
    case .listed(let listed):
      var flags = [Bool](repeating: false, count: count)
      for label in listed { flags[try index(of: label)] = true }
      return flags
    }
  }
}

/// Why labels cannot be used.
public enum LabelError: Error, Hashable, Sendable, CustomStringConvertible {
  /// There are no labels.
  case none
  case tooMany(limit: Int)
  /// Two labels have the same name.
  case repeated(String)
  /// No label has this name.
  case unknown(String, nearest: [String], known: [String])
  /// No label has this number.
  case outOfRange(Int, count: Int)
  /// The number of flags differs from the number of labels.
  case flagCount(found: Int, count: Int)
  /// The data contain flags, but the label names are unknown.
  case onlyFlags(count: Int)
  /// Numbers may be names of labels or their places, and the two differ.
  case ambiguous([Int])
  /// Every example of data with several labels lists 0 or 1 alone.
  case oneFlag
  /// A file of labels cannot be read.
  case unreadable(path: String, reason: String)

  public var description: String {
    switch self {
    case .none: "there are no labels."
    case .tooMany(let limit):
      "there are more than \(limit) different labels. Is the column that holds texts or row numbers read as the label?"
    case .repeated(let name): "the label '\(name)' is listed twice; each must have one place."
    case .unknown(let name, let nearest, let known):
      "the label '\(name)' is not one of the \(known.count) that are known ("
        + known.prefix(10).map { $0.count > 60 ? $0.prefix(60) + "..." : $0 }.joined(separator: ", ")
        + (known.count > 10 ? ", ...)" : ")")
        + (nearest.isEmpty ? "." : "; the nearest: \(nearest.map { "'\($0)'" }.joined(separator: ", ")).")
    case .outOfRange(let number, let count):
      "the label \(number) is none of the \(count) that are known: their numbers are 0 to \(count - 1)."
    case .flagCount(let found, let count): "expected a flag for each of \(count) labels, found \(found)."
    case .onlyFlags(let count):
      "the lists of labels are flags, one for each of \(count) labels; name these in order with --labels."
    case .ambiguous(let numbers):
      "the labels \(numbers.prefix(6).map { "\($0)" }.joined(separator: ", "))\(numbers.count > 6 ? ", ..." : "") could be "
        + "names of labels or their numbers from 0, and these differ. Write the names as JSON strings in the other form, or "
        + "rename the labels with --labels."
    case .oneFlag:
      "every text lists 0 or 1 and nothing else: is it a column of flags for one label? Name the columns of all labels, "
        + "--column label=NAME once for each, or the labels themselves with --labels."
    case .unreadable(_, let reason): reason
    }
  }
}
