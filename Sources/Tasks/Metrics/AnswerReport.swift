/// Question answering results, with unanswerable questions reported separately.
///
/// Source: SQuAD, evaluate-v2.0.py, `get_raw_scores`, `apply_no_ans_threshold`, `find_best_thresh`.
public struct AnswerReport: Sendable, Hashable {
  public struct Question: Sendable, Hashable {
    /// Empty for no answer.
    public let prediction: String
    /// The correct answers; none if the context does not answer.
    public let answers: [String]
    /// The probability of no answer.
    public let noAnswer: Double

    public init(prediction: String, answers: [String], noAnswer: Double = 0) {
      (self.prediction, self.answers, self.noAnswer) = (prediction, answers, noAnswer)
    }
  }

  /// The means over some questions, from 0 to 1.
  public struct Scores: Sendable, Hashable {
    public let exactMatch: Double
    public let f1: Double
    public let count: Int
  }

  /// A threshold for the probability of no answer, and the mean score that it achieves.
  public struct BestThreshold: Sendable, Hashable {
    public let threshold: Double
    public let value: Double
  }

  /// Each question's scores, after the threshold.
  public let matches: [(exact: Double, f1: Double)]
  private let questions: [Question]
  private let raw: [(exact: Double, f1: Double)]

  /// - Parameters:
  ///   - questions: the questions with predictions.
  ///   - rules: nil: SQuAD 1.1 if every question has an answer, else 2.0.
  ///   - threshold: a question whose no-answer probability exceeds this counts as unanswered.
  public init(_ questions: [Question], rules: AnswerRules? = nil, threshold: Double = .infinity) {
    let rules = rules ?? Self.rules(questions.map(\.answers))
    self.questions = questions
    raw = questions.map { Metrics.answerMatch($0.prediction, $0.answers, rules: rules) }
    matches = zip(questions, raw).map { question, match in
      guard question.noAnswer > threshold else { return match }
      let isRight = question.answers.isEmpty ? 1.0 : 0
      return (isRight, isRight)
    }
  }

  /// The rules for questions with these answers.
  public static func rules(_ answers: [[String]]) -> AnswerRules {
    answers.contains { $0.isEmpty } ? .squad2 : .squad1
  }

  /// Over all questions.
  public var total: Scores { scores { _ in true } }

  /// Over answerable questions; nil if there are none.
  public var answered: Scores? { optional { !$0.answers.isEmpty } }

  /// Over unanswerable questions; nil if there are none.
  public var unanswered: Scores? { optional { $0.answers.isEmpty } }

  /// The threshold with the best exact match.
  public var bestExactMatch: BestThreshold { best(\.exact) }

  /// The threshold with the best F1.
  public var bestF1: BestThreshold { best(\.f1) }

  private func optional(_ isCounted: (Question) -> Bool) -> Scores? {
    let scores = scores(isCounted)
    return scores.count == 0 ? nil : scores
  }

  private func scores(_ isCounted: (Question) -> Bool) -> Scores {
    let own = zip(questions, matches).filter { isCounted($0.0) }.map(\.1)
    let count = Double(own.count)
    return Scores(
      exactMatch: own.reduce(0) { $0 + $1.exact } / count, f1: own.reduce(0) { $0 + $1.f1 } / count, count: own.count)
  }

  /// Starting with every question unanswered, adds answers one by one, most confident first.
  private func best(_ score: ((exact: Double, f1: Double)) -> Double) -> BestThreshold {
    var sum = Double(questions.count { $0.answers.isEmpty })
    var best = (threshold: 0.0, sum: sum)
    for index in questions.indices.sorted(by: { questions[$0].noAnswer < questions[$1].noAnswer }) {
      let question = questions[index]
      sum += question.answers.isEmpty ? (question.prediction.isEmpty ? 0 : -1) : score(raw[index])
      if sum > best.sum { best = (question.noAnswer, sum) }
    }
    return BestThreshold(threshold: best.threshold, value: best.sum / Double(questions.count))
  }

  public static func == (a: AnswerReport, b: AnswerReport) -> Bool {
    a.questions == b.questions && a.matches.elementsEqual(b.matches, by: ==)
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(questions) }
}
