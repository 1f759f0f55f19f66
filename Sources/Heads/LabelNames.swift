public import Checkpoints

/// The names of a head's outputs.
public enum LabelNames {
  /// Default output names as in transformers: `LABEL_0`, `LABEL_1`, …
  public static func numbered(_ count: Int) -> [String] { (0..<max(0, count)).map { "LABEL_\($0)" } }

  /// Whether all names are the defaults of ``numbered(_:)``.
  public static func areNumbered(_ names: [String]) -> Bool { names == numbered(names.count) }

  /// The same names, with duplicates disambiguated by output index: `other#0`, `other#2`.
  public static func distinct(_ names: [String]) -> [String] {
    let counts = Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +)
    var taken = Set(names)
    return names.enumerated().map { number, name in
      guard counts[name] != 1 else { return name }
      var own = "\(name)#\(number)"
      while !taken.insert(own).inserted { own += "#" }
      return own
    }
  }
}

extension ConfigurationFields {
  /// The output names of a head described by `config.json`: from `id2label`, else from `label2id`, else numbered.
  ///
  /// Duplicates are disambiguated.
  ///
  /// As in transformers, `id2label` takes precedence over `label2id`, whose numbers may be missing, strings, or
  /// contradictory. A number that it assigns to several labels is ignored.
  /// - Parameter count: the number of rows of the head's weight.
  /// - Throws: `ConfigurationError` for a key of `id2label` that is not a number, or is not below the number of rows.
  public func labelNames(ofOutputs count: Int) throws(ConfigurationError) -> [String] {
    var names = [String?](repeating: nil, count: count)
    for (number, labels) in labelsByNumber where names.indices.contains(number) && labels.count == 1 {
      names[number] = labels[0]
    }
    for (key, value) in try object("id2label")?.members ?? [:] {
      guard let number = Int(key), number >= 0 else {
        throw impossible("id2label", "an object with the key '\(key)'", "the numbers of outputs as keys")
      }
      guard number < count else {
        throw impossible(
          "id2label", "an object that names the output \(number), \(value.kind)",
          "names for the \(count) outputs of the head in the weights")
      }
      names[number] = value.labelName ?? names[number]
    }
    return LabelNames.distinct(zip(names, LabelNames.numbered(count)).map { $0 ?? $1 })
  }

  /// The labels that `label2id` assigns to each number.
  private var labelsByNumber: [Int: [String]] {
    guard case .object(let numbers) = members["label2id"] else { return [:] }
    return numbers.reduce(into: [:]) { labels, item in
      if let number = item.value.labelNumber { labels[number, default: []].append(item.key) }
    }
  }
}

extension JSONValue {
  /// A label's number, which some files store as a string.
  fileprivate var labelNumber: Int? {
    if case .string(let text) = self { Int(text) } else { wholeNumber }
  }

  /// A label's name; numbers and Booleans are named as Python prints them.
  fileprivate var labelName: String? {
    switch self {
    case .string(let name): name
    case .integer, .number: line
    case .bool(let bool): bool ? "True" : "False"
    case .null, .array, .object: nil
    }
  }
}
