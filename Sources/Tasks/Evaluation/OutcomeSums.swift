internal import Tensors

/// Per-example sums from which a task's metrics are computed.
///
/// Each example adds to a few elements of a vector, so the metrics of any selection of examples are fast to compute, as
/// the bootstrap requires. Ranks are not sums: Spearman's coefficient is not included.
struct OutcomeSums: Sendable {
  private struct Addend: Sendable {
    var place: Int32
    var amount: Double

    init(_ place: Int, _ amount: Double = 1) { (self.place, self.amount) = (Int32(place), amount) }
  }

  private let task: TrainingTask
  private let isScheme: Bool
  /// One list per example.
  private let addends: [[Addend]]
  private let labels: Int
  let size: Int

  /// The offset of the three counts of each class, after the count of examples or words and that of the correct ones.
  private static let head = 2

  init(_ outcomes: Outcomes) {
    task = outcomes.task
    isScheme = outcomes.scheme != nil
    let rules = outcomes.answerRules
    let addends = outcomes.all.map { Self.addends($0, outcomes.scheme, rules) }
    self.addends = addends
    labels = outcomes.labels.count
    let last = addends.reduce(into: Int32(Self.head + 4)) { last, own in
      for addend in own { last = max(last, addend.place) }
    }
    size = max(Int(last) + 1, Self.head + 3 * labels)
  }

  var count: Int { addends.count }

  /// The sums over all examples.
  var total: [Double] {
    var sums = [Double](repeating: 0, count: size)
    for index in addends.indices { add(index, to: &sums) }
    return sums
  }

  /// The sums over examples sampled with replacement.
  func resampled(_ random: inout RandomNumbers) -> [Double] {
    var sums = [Double](repeating: 0, count: size)
    for _ in addends.indices { add(random.below(addends.count), to: &sums) }
    return sums
  }

  func add(_ index: Int, to sums: inout [Double]) {
    for addend in addends[index] { sums[Int(addend.place)] += addend.amount }
  }

  private static func addends(_ outcome: Outcome, _ scheme: TagScheme?, _ rules: AnswerRules) -> [Addend] {
    func counts(_ label: Int, predicted: Bool, actual: Bool) -> [Addend] {
      let place = head + 3 * label
      return (predicted ? [Addend(place)] : []) + (actual ? [Addend(place + 1)] : [])
        + (predicted && actual ? [Addend(place + 2)] : [])
    }
    func classes(_ predicted: Int, _ actual: Int) -> [Addend] {
      if predicted == actual { return counts(actual, predicted: true, actual: true) }
      return counts(predicted, predicted: true, actual: false) + counts(actual, predicted: false, actual: true)
    }
    func inOrder(_ amounts: [Double]) -> [Addend] { amounts.enumerated().map { Addend($0, $1) } }
    switch outcome {
    case .label(let predicted, let actual, _):
      return inOrder([1, predicted == actual ? 1 : 0]) + classes(predicted, actual)
    case .labels(let predicted, let actual, _):
      let labels = zip(predicted, actual).enumerated().flatMap {
        counts($0.offset, predicted: $0.element.0, actual: $0.element.1)
      }
      return inOrder([1, predicted == actual ? 1 : 0]) + labels
    case .words(let predicted, let actual, _):
      let words = [Double(actual.count), Double(zip(predicted, actual).count { $0 == $1 })]
      guard let scheme else { return inOrder(words) + zip(predicted, actual).flatMap { classes($0, $1) } }
      let spans = scheme.matches(predicted, actual, reading: .lenient).values.reduce(MatchCounts(), +)
      return inOrder(words + [Double(spans.predicted), Double(spans.actual), Double(spans.right)])
    case .value(let predicted, let actual):
      let (x, y) = (Double(predicted), Double(actual))
      return inOrder([1, (x - y) * (x - y), x, y, x * x, y * y, x * y])
    case .answer(let text, let right, _):
      let match = Metrics.answerMatch(text, right, rules: rules)
      return inOrder([1, match.exact, match.f1])
    case .pieces(let score): return inOrder([Double(score.count), Double(score.correct), score.loss])
    }
  }

  /// The metrics for these sums.
  func result(_ sums: [Double]) -> EvaluationResult {
    let accuracy = sums[1] / sums[0]
    switch task {
    case .classification: return .classification(accuracy: accuracy, classes(sums))
    case .multipleChoice: return .multipleChoice(accuracy: accuracy)
    case .multilabelClassification:
      return .multilabelClassification(exactMatch: accuracy, classes(sums), labels: labels)
    case .regression:
      let covariance = sums[0] * sums[6] - sums[2] * sums[3]
      let spread = (sums[0] * sums[4] - sums[2] * sums[2]) * (sums[0] * sums[5] - sums[3] * sums[3])
      return .regression(pearson: spread > 0 ? covariance / spread.squareRoot() : .nan, meanSquaredError: accuracy)
    case .tagging:
      let spans = MatchCounts(predicted: Int(sums[2]), actual: Int(sums[3]), right: Int(sums[4]))
      return isScheme ? .tagging(accuracy: accuracy, spans: spans) : .tagging(accuracy: accuracy, classes(sums))
    case .questionAnswering: return .questionAnswering(exactMatch: accuracy, f1: sums[2] / sums[0])
    case .maskedLM:
      return .maskedLM(LanguageModelScore(loss: sums[2], correct: Int(sums[1]), count: Int(sums[0])))
    }
  }

  private func classes(_ sums: [Double]) -> ClassCounts {
    var all: [Int: MatchCounts] = [:]
    for label in 0..<(sums.count - Self.head) / 3 {
      let place = Self.head + 3 * label
      let counts = MatchCounts(
        predicted: Int(sums[place]), actual: Int(sums[place + 1]), right: Int(sums[place + 2]))
      if counts.predicted + counts.actual > 0 { all[label] = counts }
    }
    return ClassCounts(all)
  }
}
