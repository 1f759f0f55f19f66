public import AdapterMethods
internal import Deberta
internal import Glibc
internal import Heads
public import Model
internal import Tensors

/// Measures a model on examples with known answers: prediction and metrics.
public final class ModelEvaluator {
  private let data: TrainingDataset
  private let labels: [String]
  private let sampler: BatchSampler
  private let masking: TokenMasking?
  private let cache: PrefixCache?

  /// - Parameters:
  ///   - data: the examples; for question answering with their references.
  ///   - labels: the names of the head's labels; tags of the form `B-X` are measured as spans.
  ///   - masking: for masked language models; all evaluations mask alike.
  ///   - cache: of these examples.
  ///   - batchTokens: tokens that are run at a time.
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
  /// - Throws: `EvaluationError`, if a head gives numbers that are not finite; what the model throws.
  public func evaluate(_ model: BoundModel, _ setup: Composition?, heads names: [String]) throws -> [EvaluationResult] {
    let batches = sampler.evaluationBatches()
    var answers = names.map { _ in [[Answer]]() }
    for batch in batches {
      let pass = Pass(model.encoder.compute)
      let examples = batch.map { index in
        masking.map { $0.masked(data.examples[index], epoch: 0, index: index) } ?? data.examples[index]
      }
      let sequences = Batch(examples)
      let output = try model(
        sequences, .composition(setup), heads: names, answering: AnsweredTokens(examples.map(\.target)), states: .first,
        from: cache?.states(of: batch, sequences, model.encoder), on: pass)
      for (number, answer) in output.answers.enumerated() {
        guard answer.output.logits.isFinite else { throw EvaluationError.notFinite(head: names[number]) }
        answers[number].append(self.answers(answer.output, examples, batch))
      }
    }
    return answers.map { result(BatchSampler.inOrder($0, of: batches)) }
  }

  /// What a head says to one example.
  fileprivate enum Answer {
    case label(Int)
    case labels([Bool])
    case value(Float)
    case words(predictions: [Int], targets: [Int])
    case text(String)
    case pieces(LanguageModelScore)
  }

  private func answers(_ output: HeadOutput, _ examples: [TrainingExample], _ indices: [Int]) -> [Answer] {
    var first = 0
    return zip(examples, indices).map { example, index in
      let own = first..<first + example.sequences.count
      first = own.upperBound
      switch data.task {
      case .classification: return .label(output.logits(row: own.lowerBound).array.largest)
      case .multipleChoice: return .label(output.logits.rows(own).array.largest)
      case .multilabelClassification: return .labels(output.logits(row: own.lowerBound).array.map { $0 > 0 })
      case .regression:
        return .value(output.settings.meaning.target.scores(output.logits(row: own.lowerBound).array)[0])
      case .tagging, .maskedLM:
        let (logits, targets) = (output.logits(row: own.lowerBound), example.target.countedTokens.map { Int($0.label) })
        if data.task == .maskedLM { return .pieces(LanguageModelScore(logits, targets)) }
        return .words(predictions: targets.indices.map { logits.rows($0..<$0 + 1).array.largest }, targets: targets)
      case .questionAnswering:
        let logits = own.map { output.logits(row: $0) }
        let answers = data.questions[index].answers(
          starts: logits.map { $0.columns(0..<1).array }, ends: logits.map { $0.columns(1..<2).array }, .evaluation)
        return .text(answers[0].text)
      }
    }
  }

  private func result(_ answers: [Answer]) -> EvaluationResult {
    let targets = data.examples.map(\.target)
    switch data.task {
    case .classification:
      return .classification(answers.map(\.classIndex), targets.map(\.classIndex))
    case .multipleChoice: return .multipleChoice(answers.map(\.classIndex), targets.map(\.classIndex))
    case .multilabelClassification:
      return .multilabelClassification(answers.map(\.flags), targets.map(\.flags))
    case .regression: return .regression(answers.map(\.number), targets.map(\.number))
    case .tagging:
      let words = answers.map { answer -> ([Int], [Int]) in
        if case .words(let predictions, let targets) = answer { (predictions, targets) } else { ([], []) }
      }
      return .tagging(words.map(\.0), words.map(\.1), labels: labels)
    case .questionAnswering:
      let texts = answers.map { answer -> String in if case .text(let text) = answer { text } else { "" } }
      return .questionAnswering(texts, data.questions.map(\.answers))
    case .maskedLM:
      var score = LanguageModelScore()
      for case .pieces(let own) in answers { score.add(loss: own.loss, correct: own.correct, count: own.count) }
      return .maskedLM(score)
    }
  }
}

/// Why a model cannot be evaluated.
public enum EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A metric of such numbers would mean nothing.
  case notFinite(head: String)

  public var description: String {
    switch self {
    case .notFinite(let head):
      "The head '\(head)' gave numbers that are not finite (NaN or infinite) for the evaluation data, so it has no "
        + "metrics. 'adapter-cli inspect' finds weights that are not finite."
    }
  }
}

extension ModelEvaluator.Answer {
  fileprivate var classIndex: Int { if case .label(let label) = self { label } else { -1 } }
  fileprivate var flags: [Bool] { if case .labels(let flags) = self { flags } else { [] } }
  fileprivate var number: Float { if case .value(let value) = self { value } else { .nan } }
}

extension Target {
  fileprivate var classIndex: Int {
    switch self {
    case .label(let label), .choice(let label): label
    default: -1
    }
  }
  fileprivate var flags: [Bool] { if case .labels(let flags) = self { flags } else { [] } }
  fileprivate var number: Float { if case .value(let value) = self { value } else { .nan } }
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
  /// The place of the largest value, the first of equals; 0 for none.
  fileprivate var largest: Int { indices.reduce(0) { self[$1] > self[$0] ? $1 : $0 } }
}
