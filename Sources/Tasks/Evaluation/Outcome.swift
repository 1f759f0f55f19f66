/// A head's answer to one example, and the correct one.
public enum Outcome: Sendable, Hashable {
  /// A class or choice, with the probabilities of all.
  case label(predicted: Int, actual: Int, probabilities: [Float])
  /// Multiple labels, with the probability of each.
  case labels(predicted: [Bool], actual: [Bool], probabilities: [Float])
  case value(predicted: Float, actual: Float)
  /// A label for each word, with its probability.
  case words(predicted: [Int], actual: [Int], probabilities: [Float])
  /// An answer from a context, empty for none, with the correct texts, and the probability of no answer.
  case answer(String, right: [String], noAnswer: Float)
  /// Masked tokens.
  case pieces(LanguageModelScore)
}

/// The outcomes of a head on a data set.
public struct Outcomes: Sendable, Hashable {
  public let task: TrainingTask
  /// The label names; empty for a task without labels.
  public let labels: [String]
  /// One per example, in order.
  public let all: [Outcome]
  let scheme: TagScheme?
  let answerRules: AnswerRules

  public init(_ all: [Outcome], task: TrainingTask, labels: [String] = []) {
    self.task = task
    self.labels = labels
    self.all = all
    scheme = task == .tagging ? TagScheme(labels) : nil
    answerRules = AnswerReport.rules(all.compactMap { if case .answer(_, let right, _) = $0 { right } else { nil } })
  }

  /// The metrics of the task, over all examples.
  public var result: EvaluationResult {
    guard task != .regression else {
      let values = values
      return .regression(values.predicted.map { Float($0) }, values.actual.map { Float($0) })
    }
    let sums = sums
    return sums.result(sums.total)
  }

  var sums: OutcomeSums { OutcomeSums(self) }

  /// Whether an example is answered entirely correctly; nil if that does not apply to the task.
  public func isRight(_ index: Int) -> Bool? {
    switch all[index] {
    case .label(let predicted, let actual, _): predicted == actual
    case .labels(let predicted, let actual, _): predicted == actual
    case .words(let predicted, let actual, _): predicted == actual
    case .answer(let text, let right, _): Metrics.answerMatch(text, right, rules: answerRules).exact == 1
    case .value, .pieces: nil
    }
  }

  /// The outcomes of a multi-label head with different thresholds; others are unchanged.
  ///
  /// - Parameter thresholds: the probability above which each label applies.
  public func deciding(at thresholds: [Float]) -> Outcomes {
    let decided = all.map { outcome -> Outcome in
      guard case .labels(_, let actual, let probabilities) = outcome else { return outcome }
      return .labels(
        predicted: zip(probabilities, thresholds).map { $0 > $1 }, actual: actual, probabilities: probabilities)
    }
    return Outcomes(decided, task: task, labels: labels)
  }

  // MARK: - Columns

  var classes: (predicted: [Int], actual: [Int], probabilities: [[Float]]) {
    var columns: (predicted: [Int], actual: [Int], probabilities: [[Float]]) = ([], [], [])
    for case .label(let predicted, let actual, let probabilities) in all {
      columns.predicted.append(predicted)
      columns.actual.append(actual)
      columns.probabilities.append(probabilities)
    }
    return columns
  }

  var flags: (predicted: [[Bool]], actual: [[Bool]], probabilities: [[Float]]) {
    var columns: (predicted: [[Bool]], actual: [[Bool]], probabilities: [[Float]]) = ([], [], [])
    for case .labels(let predicted, let actual, let probabilities) in all {
      columns.predicted.append(predicted)
      columns.actual.append(actual)
      columns.probabilities.append(probabilities)
    }
    return columns
  }

  var words: (predicted: [[Int]], actual: [[Int]], probabilities: [[Float]]) {
    var columns: (predicted: [[Int]], actual: [[Int]], probabilities: [[Float]]) = ([], [], [])
    for case .words(let predicted, let actual, let probabilities) in all {
      columns.predicted.append(predicted)
      columns.actual.append(actual)
      columns.probabilities.append(probabilities)
    }
    return columns
  }

  var values: (predicted: [Double], actual: [Double]) {
    var columns: (predicted: [Double], actual: [Double]) = ([], [])
    for case .value(let predicted, let actual) in all {
      columns.predicted.append(Double(predicted))
      columns.actual.append(Double(actual))
    }
    return columns
  }

  var questions: [AnswerReport.Question] {
    all.compactMap { outcome in
      guard case .answer(let text, let right, let noAnswer) = outcome else { return nil }
      return AnswerReport.Question(prediction: text, answers: right, noAnswer: Double(noAnswer))
    }
  }
}
