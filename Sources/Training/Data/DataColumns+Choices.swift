public import Checkpoints

extension DataColumns {
  /// Members with those that differ from a usual name in case and surrounding space alone under that name, too.
  public static func namingAnyCase(_ members: [String: JSONValue], names: [String]) -> [String: JSONValue] {
    var named = members
    for key in members.keys.sorted() {
      let folded = key.foldedColumnName
      if folded != key, names.contains(folded), named[folded] == nil { named[folded] = members[key] }
    }
    return named
  }

  /// A second text that choices could be made for: `premise` beside COPA's `question`, the `article` of RACE.
  public static func otherPrompt(than prompt: String, in members: [String: JSONValue]) -> String? {
    let names = ["premise", "article", "passage", "context", "paragraph", "sentence", "text"]
    return members.keys.sorted().first { key in
      guard case .string(let text)? = members[key], !text.isEmpty else { return false }
      return key != prompt && names.contains(key.foldedColumnName)
    }
  }

  /// Why no choice is made for one of two texts.
  public static func twoPrompts(_ prompt: String, _ other: String) -> String {
    "'\(prompt)' and '\(other)' both could be what the choices are read with. Join them in one text, as the head was "
      + "trained, or name one with --column question=NAME."
  }

  /// The choices in a JSON line, in every form supported in training.
  ///
  /// - Parameters:
  ///   - members: the members of the line.
  ///   - path: the path of the file, for the fault.
  ///   - line: its number, from 1.
  /// - Returns: nil if the line has no choices.
  /// - Throws: ``DataFault`` for invalid choices.
  public func choices(of members: [String: JSONValue], path: String, line: Int) throws(DataFault) -> [String]? {
    let record = DataRecord(path: path, line: line, members)
    let reader = ExampleReader(task: .multipleChoice, columns: self)
    guard reader.find(.choices, record) != nil || !reader.numberedChoices(record).isEmpty else { return nil }
    return try reader.givenChoices(record).texts
  }
}
