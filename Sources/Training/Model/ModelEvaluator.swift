public import AdapterMethods
internal import Deberta
internal import Glibc
internal import Heads
public import Model
internal import Tensors

/// Evaluates a model on labeled examples.
public final class ModelEvaluator {
  private let data: TrainingDataset
  private let labels: [String]
  private let sampler: BatchSampler
  private let masking: TokenMasking?
  private let cache: PrefixCache?

  /// - Parameters:
  ///   - data: the examples; for question answering with reference answers.
  ///   - labels: the names of the head's labels; labels of the form `B-X` are evaluated as spans.
  ///   - masking: for masked language models; the same in all evaluations.
  ///   - cache: the states of these examples.
  ///   - batchTokens: the number of tokens per batch.
  public init(
    _ data: TrainingDataset, labels: [String] = [], batchTokens: Int = 4096, masking: TokenMasking? = nil,
    cache: PrefixCache? = nil
  ) {
    self.data = data
    self.labels = labels
    self.masking = masking
    self.cache = cache
    sampler = BatchSampler(data, size: .tokens(batchTokens), seed: 0)
  }

  /// The metrics of each head, in order; under Parallel the j-th head answers the j-th repetition.
  ///
  /// - Throws: `EvaluationError`, if a head's outputs are not finite; the errors of the model.
  public func evaluate(_ model: BoundModel, _ setup: Composition?, heads names: [String]) throws -> [EvaluationResult] {
    try outcomes(model, setup, heads: names).map(\.result)
  }

  /// Each head's answer for each example, with the correct one.
  ///
  /// - Throws: the errors of ``evaluate(_:_:heads:)``.
  public func outcomes(_ model: BoundModel, _ setup: Composition?, heads names: [String]) throws -> [Outcomes] {
    let batches = sampler.evaluationBatches()
    var outcomes = names.map { _ in [[Outcome]]() }
    for batch in batches {
      let examples = examples(batch)
      for (number, output) in try outputs(model, setup, names, batch, examples).enumerated() {
        outcomes[number].append(self.outcomes(output, examples, batch))
      }
    }
    return outcomes.map { self.outcomes($0, of: batches) }
  }

  /// What a head answers to each example in two models, and the largest difference of two of its logits.
  ///
  /// - Throws: as ``evaluate(_:_:heads:)``.
  public func compared(
    _ models: (BoundModel, BoundModel), _ setup: Composition?, head: String
  ) throws -> (outcomes: (Outcomes, Outcomes), maximumDrift: Float) {
    let batches = sampler.evaluationBatches()
    var outcomes: ([[Outcome]], [[Outcome]]) = ([], [])
    var drift: Float = 0
    for batch in batches {
      let examples = examples(batch)
      let first = try outputs(models.0, setup, [head], batch, examples)[0]
      let second = try outputs(models.1, setup, [head], batch, examples)[0]
      outcomes.0.append(self.outcomes(first, examples, batch))
      outcomes.1.append(self.outcomes(second, examples, batch))
      drift = zip(first.logits.array, second.logits.array).reduce(drift) { max($0, abs($1.0 - $1.1)) }
    }
    return ((self.outcomes(outcomes.0, of: batches), self.outcomes(outcomes.1, of: batches)), drift)
  }

  private func examples(_ batch: [Int]) -> [TrainingExample] {
    batch.map { index in
      masking.map { $0.masked(data.examples[index], epoch: 0, index: index) } ?? data.examples[index]
    }
  }

  /// What the heads give for the examples of a batch.
  private func outputs(
    _ model: BoundModel, _ setup: Composition?, _ names: [String], _ batch: [Int], _ examples: [TrainingExample]
  ) throws -> [HeadOutput] {
    let sequences = Batch(examples)
    let output = try model(
      sequences, .composition(setup), heads: names, answering: AnsweredTokens(examples.map(\.target)), states: .first,
      from: cache?.states(of: batch, sequences, model.encoder), on: Pass(model.encoder.compute))
    return try output.answers.enumerated().map { number, answer in
      guard answer.output.logits.isFinite else { throw EvaluationError.notFinite(head: names[number]) }
      return answer.output
    }
  }

  private func outcomes(_ outcomes: [[Outcome]], of batches: [[Int]]) -> Outcomes {
    Outcomes(BatchSampler.inOrder(outcomes, of: batches), task: data.task, labels: labels)
  }

  private func outcomes(_ output: HeadOutput, _ examples: [TrainingExample], _ indices: [Int]) -> [Outcome] {
    var first = 0
    return zip(examples, indices).map { example, index in
      let own = first..<first + example.sequences.count
      first = own.upperBound
      let settings = output.settings
      switch example.target {
      case .label(let actual):
        let logits = output.logits(row: own.lowerBound).array
        return .label(predicted: logits.largest, actual: actual, probabilities: settings.meaning.score.scores(logits))
      case .choice(let actual):
        let logits = output.logits.rows(own).array
        return .label(predicted: logits.largest, actual: actual, probabilities: ScoreFunction.softmax.scores(logits))
      case .labels(let actual):
        let scores = settings.meaning.score.scores(output.logits(row: own.lowerBound).array)
        let thresholds = settings.thresholds ?? scores.map { _ in 0.5 }
        return .labels(predicted: zip(scores, thresholds).map { $0 > $1 }, actual: actual, probabilities: scores)
      case .value(let actual):
        return .value(
          predicted: settings.meaning.target.scores(output.logits(row: own.lowerBound).array)[0], actual: actual)
      case .tokens:
        let (logits, actual) = (output.logits(row: own.lowerBound), example.target.countedTokens.map { Int($0.label) })
        if data.task == .maskedLM { return .pieces(LanguageModelScore(logits, actual)) }
        let rows = actual.indices.map { logits.rows($0..<$0 + 1).array }
        let predicted = rows.map(\.largest)
        return .words(
          predicted: predicted, actual: actual,
          probabilities: zip(rows, predicted).map { ScoreFunction.softmax.scores($0)[$1] })
      case .span:
        let question = data.questions[index]
        let logits = own.map { output.logits(row: $0) }
        let (starts, ends) = (logits.map { $0.columns(0..<1).array }, logits.map { $0.columns(1..<2).array })
        return .answer(
          question.answers(starts: starts, ends: ends, .evaluation)[0].text, right: question.answers,
          noAnswer: Float(question.noAnswer(starts: starts, ends: ends)))
      }
    }
  }
}

/// Why a model cannot be evaluated.
public enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A head's outputs are not finite, so its metrics are meaningless.
  case notFinite(head: String)

  public var description: String {
    switch self {
    case .notFinite(let head):
      "The head '\(head)' gave numbers that are not finite (NaN or infinite) for the evaluation data, so it has no "
        + "metrics. 'adapter-cli inspect' finds weights that are not finite."
    }
  }
}

extension LanguageModelScore {
  /// The score of logits [tokens, vocabulary].
  init(_ logits: Tensor, _ targets: [Int]) {
    self.init()
    for (row, target) in targets.enumerated() {
      let values = logits.rows(row..<row + 1).array
      let top = Double(values[values.largest])
      let bottom = top + log(values.reduce(0.0) { $0 + exp(Double($1) - top) })
      add(loss: bottom - Double(values[target]), correct: values.largest == target ? 1 : 0, count: 1)
    }
  }
}

extension [Float] {
  /// The index of the largest value, the first in case of a tie; 0 if empty.
  fileprivate var largest: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}
