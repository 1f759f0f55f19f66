internal import AdapterMethods
internal import Checkpoints
internal import Heads
public import Tokenization
public import Training

/// Evaluates a model's active heads on a data set.
public struct HeadEvaluation: Sendable {
  public var data: String
  public var format: TrainingFormat?
  public var columns: DataColumns
  /// The maximum number of input tokens: 0 for the model's limit; nil: for each head the length it was trained with, or
  /// else `InputLength.standard`.
  public var maximumLength: Int?

  public init(data: String, format: TrainingFormat? = nil, columns: DataColumns = [:], maximumLength: Int? = nil) {
    self.data = data
    self.format = format
    self.columns = columns
    self.maximumLength = maximumLength
  }

  /// Each head's answers for the examples, evaluated on its branch of the setup.
  ///
  /// - Parameters:
  ///   - model: the model to evaluate.
  ///   - tokenizer: the base model's.
  /// - Throws: `HeadEvaluationError`, `PredictionError`, `ModelError`, `CompositionError`.
  public func results(
    of model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer
  ) throws -> [EvaluatedHead] {
    let route = try Route(model.activeAdapters, heads: model.activeHeads, in: model)
    return try route.questions.map { question in
      do {
        return try evaluated(
          question.head, as: question.label, of: model, route.branches[question.branch], tokenizer)
      } catch  where route.questions.count > 1 {
        throw HeadEvaluationError.head(name: question.head, reason: "\(error)")
      }
    }
  }

  /// How a model answers the examples beside the same model in another precision.
  ///
  /// - Parameters:
  ///   - model: whose answers are compared.
  ///   - other: the same model, with the same setup and heads, computed otherwise.
  ///   - tokenizer: the base model's.
  /// - Returns: one for each head.
  /// - Throws: as ``results(of:_:)``.
  public func comparison(
    of model: DebertaV2AdapterModel, with other: DebertaV2AdapterModel, _ tokenizer: any Tokenizer
  ) throws -> [PrecisionComparison] {
    let route = try Route(model.activeAdapters, heads: model.activeHeads, in: model)
    return try route.questions.map { question in
      let prepared = try prepared(question.head, of: model, tokenizer)
      let (outcomes, drift) = try prepared.evaluator.compared(
        (model.bound, other.bound), route.branches[question.branch], head: question.head)
      return PrecisionComparison(
        head: question.label, precision: other.precision, outcomes.0, outcomes.1, maximumDrift: drift)
    }
  }

  private func evaluated(
    _ head: String, as label: String, of model: DebertaV2AdapterModel, _ setup: Composition?,
    _ tokenizer: any Tokenizer
  ) throws -> EvaluatedHead {
    let prepared = try prepared(head, of: model, tokenizer)
    let outcomes = try prepared.evaluator.outcomes(model.bound, setup, heads: [head])[0]
    return EvaluatedHead(
      head: label, name: head, outcomes: outcomes, data: prepared.data, thresholds: prepared.settings.thresholds,
      sources: prepared.source.examples.matching(lines: prepared.data.lines))
  }

  /// The examples as a head reads them.
  private func prepared(
    _ head: String, of model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer
  ) throws -> (evaluator: ModelEvaluator, data: TrainingDataset, source: SourceData, settings: HeadSettings) {
    guard let record = model.head(head) else { throw model.unknown(head: head) }
    let settings = record.settings
    let limit = InputLength.limit(
      requested: maximumLength, recorded: record.maximumLength, tokenizer: tokenizer.maximumLength,
      advised: model.configuration.advisedLength)
    let task = try TrainingTask(settings)
    let labels = task.hasLabels ? try LabelVocabulary(settings) : nil
    let source = try SourceData(path: data, for: task, format: format, columns: columns, labels: labels)
    let encoder = ExampleEncoder(tokenizer, for: task, labels: labels, maximumLength: limit)
    let data = try Self.dataset(source, encoder)
    let evaluator = ModelEvaluator(
      data, labels: labels?.names ?? [],
      masking: task == .maskedLM ? try TokenMasking(tokenizer, seed: 0) : nil)
    return (evaluator, data, source, settings)
  }

  /// - Throws: `DatasetError`; `TrainingJobError.afterFaults`, if records were left out before.
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

extension [SourceExample] {
  /// The examples that begin at these lines, in order; the others were left out.
  fileprivate func matching(lines: [Int]) -> [SourceExample] {
    var place = startIndex
    return lines.map { line in
      while self[place].line != line { place += 1 }
      defer { place += 1 }
      return self[place]
    }
  }
}
