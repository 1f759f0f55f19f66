/// The examples of a data file, in their order, before they are cut into tokens.
///
/// ```swift
/// let data = try SourceData(path: "reviews.csv", for: .classification, columns: [.text: "review", .label: "stars"])
/// data.examples.count  // those that can be used
/// data.faults.count    // those that cannot
/// ```
public struct SourceData: Sendable {
  public let path: String
  public let task: TrainingTask
  public let examples: [SourceExample]
  /// The records that were left out.
  public let faults: DataFaults
  let tolerance: FaultTolerance

  /// Examples that are there already.
  ///
  /// - Parameters:
  ///   - examples: of the contents and answers that the task has.
  ///   - path: what they are called in messages.
  ///   - tolerance: how many of them may be left out where they cannot be cut into tokens.
  ///   - task: what the examples are for.
  public init(
    _ examples: [SourceExample], for task: TrainingTask, path: String = "examples",
    tolerance: FaultTolerance = .none
  ) {
    self.path = path
    self.task = task
    self.tolerance = tolerance
    self.examples = examples
    var faults = DataFaults(path: path)
    for _ in examples { faults.countRecord() }
    self.faults = faults
  }

  /// Reads a file, line by line.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - task: what the examples are for; it says which columns are read.
  ///   - format: nil: as the name of the file tells.
  ///   - columns: what the columns are called.
  ///   - labels: those that are known, if any are; `-1` is a label only if it is among them.
  ///   - tolerance: how many records may be malformed. They are left out.
  /// - Throws: ``DatasetError``: a file that cannot be read, without examples,
  ///   without a column that the task needs, or with too many faults.
  public init(
    path: String, for task: TrainingTask, format: TrainingFormat? = nil, columns: DataColumns = [:],
    labels: LabelVocabulary? = nil, tolerance: FaultTolerance = FaultTolerance()
  ) throws(DatasetError) {
    self.path = path
    self.task = task
    self.tolerance = tolerance
    let format = if let format { format } else { try TrainingFormat(path: path, for: task) }
    let reader = ExampleReader(task: task, columns: columns, labels: Set(labels?.names ?? []))
    var records = try format.records(path: path, hasHeader: columns.hasHeader, wanted: reader.wantedNames)
    var faults = DataFaults(path: path)
    var examples: [SourceExample] = []
    var hasCheckedColumns = false
    while let result = try records.next() {
      faults.countRecord()
      if !hasCheckedColumns, case .success(let record) = result {
        try reader.checkColumns(of: record)
        hasCheckedColumns = true
      }
      do throws(DataFault) {
        examples.append(try reader.example(result.get()))
      } catch {
        faults.add(error, keeping: tolerance.kept)
      }
    }
    if task == .multilabelClassification {
      let resolved = examples.resolvingFlags(known: labels?.count, path: path)
      examples = resolved.examples
      for fault in resolved.faults { faults.add(fault, keeping: tolerance.kept) }
    }
    try tolerance.check(faults)
    guard !examples.isEmpty else { throw Self.nothing(faults) }
    self.examples = examples
    self.faults = faults
  }

  /// Why there are no examples.
  static func nothing(_ faults: DataFaults) -> DatasetError {
    if faults.count > 0 { return .tooManyFaults(faults) }
    return faults.unlabeledCount > 0 ? .noLabels(faults) : .empty(path: faults.path)
  }
}
