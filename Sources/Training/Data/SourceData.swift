/// The examples of a data file, in order, before tokenization.
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
  /// The skipped records.
  public let faults: DataFaults
  let tolerance: FaultTolerance

  /// Wraps existing examples.
  ///
  /// - Parameters:
  ///   - examples: examples with the contents and answers of the task.
  ///   - path: their name in messages.
  ///   - tolerance: the tolerated number of examples that cannot be tokenized.
  ///   - task: the task of the examples.
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
  ///   - task: the task of the examples, which determines the columns.
  ///   - format: nil: determined by the file name.
  ///   - columns: the names of the columns.
  ///   - labels: the known labels, if any; `-1` is a label only if it is among them.
  ///   - tolerance: the tolerated number of malformed records, which are skipped.
  /// - Throws: ``DatasetError``: an unreadable file, no examples, a missing column, or too many faults.
  public init(
    path: String, for task: TrainingTask, format: TrainingFormat? = nil, columns: DataColumns = [:],
    labels: LabelVocabulary? = nil, tolerance: FaultTolerance = FaultTolerance()
  ) throws(DatasetError) {
    self.path = path
    self.task = task
    self.tolerance = tolerance
    let format = if let format { format } else { try TrainingFormat(path: path, for: task) }
    var reader = ExampleReader(task: task, columns: columns, labels: Set(labels?.names ?? []))
    var records = try format.records(path: path, hasHeader: columns.hasHeader, wanted: reader.wantedNames)
    var faults = DataFaults(path: path)
    var examples: [SourceExample] = []
    var hasCheckedColumns = false
    while let result = try records.next() {
      faults.countRecord()
      if !hasCheckedColumns, case .success(let record) = result {
        if let names = labels?.names { reader.readFlags(ofLabels: names, in: record) }
        try reader.checkColumns(of: record)
        hasCheckedColumns = true
      }
      do throws(DataFault) {
        examples.append(try reader.example(result.get()))
      } catch {
        faults.add(error, keeping: tolerance.kept)
      }
    }
    if task == .tagging, format != .conll, examples.areSingleWords { throw .wordsInRows(path: path) }
    if task == .multilabelClassification {
      if let count = labels?.count, count > 2, examples.areBareFlags { throw .label(.oneFlag, path: path, line: 1) }
      let resolved = examples.resolvingFlags(known: labels?.count, path: path)
      examples = resolved.examples
      for fault in resolved.faults { faults.add(fault, keeping: tolerance.kept) }
    }
    if let labels {
      do { examples = try examples.naming(labels) } catch { throw .label(error, path: path, line: 1) }
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
