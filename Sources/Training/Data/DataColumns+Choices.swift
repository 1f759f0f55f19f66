public import Checkpoints

extension DataColumns {
  /// The texts of a line of JSON among which to choose, in every form that training reads.
  ///
  /// - Parameters:
  ///   - members: those of the line.
  ///   - path: where the line stands, for the fault.
  ///   - line: its number, from 1.
  /// - Returns: nil if the line has none.
  /// - Throws: ``DataFault`` for what cannot be choices.
  public func choices(of members: [String: JSONValue], path: String, line: Int) throws(DataFault) -> [String]? {
    let record = DataRecord(path: path, line: line, members)
    let reader = ExampleReader(task: .multipleChoice, columns: self)
    guard reader.find(.choices, record) != nil || !reader.numberedChoices(record).isEmpty else { return nil }
    return try reader.givenChoices(record).texts
  }
}
