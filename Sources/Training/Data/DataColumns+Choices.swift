public import Checkpoints

extension DataColumns {
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
