internal import Checkpoints
internal import Heads
public import Tokenization
public import Training

/// Judges the active heads of a model by a file of examples.
public struct HeadEvaluation: Sendable {
  public var data: String
  public var format: TrainingFormat?
  public var columns: DataColumns
  public var maximumLength: Int?

  public init(data: String, format: TrainingFormat? = nil, columns: DataColumns = [:], maximumLength: Int? = 128) {
    self.data = data
    self.format = format
    self.columns = columns
    self.maximumLength = maximumLength
  }

  /// The metrics of each head; under Parallel the j-th head is judged by the j-th branch.
  ///
  /// - Parameter folder: the base model's.
  /// - Throws: `DatasetError`, `ModelError`, `CompositionError`.
  public func results(
    of model: DebertaV2AdapterModel, _ tokenizer: DebertaV2Tokenizer, folder: String
  ) throws -> [(head: String, result: EvaluationResult)] {
    let setup = model.activeAdapters
    let named = model.activeHeads ?? setup.map { $0.adapters } ?? ["default"]
    let heads = named.filter { model.head($0) != nil }
    guard !heads.isEmpty else { throw model.unknown(head: named.first ?? "default") }
    var isParallel = false
    if case .parallel = setup { isParallel = true }
    // Heads of different tasks read the data differently, so each is judged by itself where it can be.
    let groups = isParallel ? [heads] : heads.map { [$0] }
    return try groups.flatMap { names in
      let trainable = try model.trainable(setup, heads: names, part: .adapters, folder: folder)
      let settings = names.compactMap { model.head($0)?.settings }
      let task = TrainingTask(settings[0])
      let labels = task.hasLabels ? try LabelVocabulary(settings[0]) : nil
      let source = try SourceData(path: data, for: task, format: format, columns: columns)
      let encoder = ExampleEncoder(tokenizer, for: task, labels: labels, maximumLength: maximumLength)
      let evaluator = ModelEvaluator(
        try encoder.dataset(source, keepsReferences: true), labels: labels?.names ?? [],
        masking: task == .maskedLM ? try TokenMasking(tokenizer, seed: 0) : nil)
      return Array(zip(names, try evaluator.evaluate(trainable, heads: names)))
    }
  }
}
