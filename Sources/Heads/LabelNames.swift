public import Checkpoints

/// The names of a head's outputs.
public enum LabelNames {
  /// Names for outputs that have none, as transformers makes them: `LABEL_0`, `LABEL_1`, …
  public static func numbered(_ count: Int) -> [String] { (0..<max(0, count)).map { "LABEL_\($0)" } }

  /// Whether all names are those of ``numbered(_:)``, so that nothing is known of the outputs.
  public static func areNumbered(_ names: [String]) -> Bool { names == numbered(names.count) }

  /// The same names, where equal ones are distinguished by the number of their output: `other#0`, `other#2`.
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
  /// The names of the outputs of a head that `config.json` describes: from `id2label`, else from `label2id`, else
  /// numbered. Equal names are distinguished.
  ///
  /// As in transformers `id2label` counts, whatever `label2id` holds: its numbers may be missing, strings, or
  /// contradict. A number that it gives to several labels names nothing.
  /// - Parameter count: the rows of the head's weight.
  /// - Throws: `ConfigurationError` for a key of `id2label` that is no number, or names an output beyond the rows.
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

  /// The labels of `label2id` for each number.
  private var labelsByNumber: [Int: [String]] {
    guard case .object(let numbers) = members["label2id"] else { return [:] }
    return numbers.reduce(into: [:]) { labels, item in
      if let number = item.value.labelNumber { labels[number, default: []].append(item.key) }
    }
  }
}

extension JSONValue {
  /// A label's number, which some write as a string.
  fileprivate var labelNumber: Int? {
    if case .string(let text) = self { Int(text) } else { wholeNumber }
  }

  /// A label's name; numbers and truth values are named as Python prints them.
  fileprivate var labelName: String? {
    switch self {
    case .string(let name): name
    case .integer, .number: line
    case .bool(let bool): bool ? "True" : "False"
    case .null, .array, .object: nil
    }
  }
}
