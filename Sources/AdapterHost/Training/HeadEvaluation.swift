internal import AdapterMethods
internal import Checkpoints
internal import Heads
public import Tokenization
public import Training

/// Evaluates the active heads of a model on a file of examples.
public struct HeadEvaluation: Sendable {
  public var data: String
  public var format: TrainingFormat?
  public var columns: DataColumns
  /// The most tokens of an input: 0 for the model's limit; nil: for each head what it was trained with, or else
  /// `InputLength.standard`.
  public var maximumLength: Int?

  public init(data: String, format: TrainingFormat? = nil, columns: DataColumns = [:], maximumLength: Int? = nil) {
    self.data = data
    self.format = format
    self.columns = columns
    self.maximumLength = maximumLength
  }

  /// The metrics of each head with the examples as it saw them, each evaluated after its own branch of the setup.
  ///
  /// - Parameters:
  ///   - model: what is evaluated.
  ///   - tokenizer: the base model's.
  /// - Throws: `HeadEvaluationError`, `PredictionError`, `ModelError`, `CompositionError`.
  public func results(
    of model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer
  ) throws -> [(head: String, result: EvaluationResult, data: TrainingDataset)] {
    let route = try Route(model.activeAdapters, heads: model.activeHeads, in: model)
    return try route.questions.map { question in
      do {
        let (result, data) = try result(of: model, route.branches[question.branch], question.head, tokenizer)
        return (question.label, result, data)
      } catch  where route.questions.count > 1 {
        throw HeadEvaluationError.head(name: question.head, reason: "\(error)")
      }
    }
  }

  private func result(
    of model: DebertaV2AdapterModel, _ setup: Composition?, _ head: String, _ tokenizer: any Tokenizer
  ) throws -> (EvaluationResult, TrainingDataset) {
    guard let record = model.head(head) else { throw model.unknown(head: head) }
    let settings = record.settings
    let limit = InputLength.limit(
      requested: maximumLength, recorded: record.maximumLength, advised: model.configuration.advisedLength)
    let task = try TrainingTask(settings)
    let labels = task.hasLabels ? try LabelVocabulary(settings) : nil
    let source = try SourceData(path: data, for: task, format: format, columns: columns, labels: labels)
    let encoder = ExampleEncoder(tokenizer, for: task, labels: labels, maximumLength: limit)
    let data = try Self.dataset(source, encoder)
    let evaluator = ModelEvaluator(
      data, labels: labels?.names ?? [],
      masking: task == .maskedLM ? try TokenMasking(tokenizer, seed: 0) : nil)
    return (try evaluator.evaluate(model.bound, setup, heads: [head])[0], data)
  }

  /// - Throws: `DatasetError`; `TrainingJobError.afterFaults` where records were left out before.
  private static func dataset(_ source: SourceData, _ encoder: ExampleEncoder) throws -> TrainingDataset {
    do { return try encoder.dataset(source, for: .evaluation) } catch {
      let notes = source.faults.notes
      throw notes.isEmpty ? error : TrainingJobError.afterFaults(notes: notes, reason: "\(error)") as any Error
    }
  }
}

/// Why one of several heads cannot be evaluated.
public enum HeadEvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  case head(name: String, reason: String)

  public var description: String {
    switch self {
    case .head(let name, let reason):
      "The head '\(name)' cannot be evaluated on these examples: \(reason) Choose the heads with --setup or "
        + "--active-heads."
    }
  }
}
