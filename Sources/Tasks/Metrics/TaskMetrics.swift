extension EvaluationResult {
  /// Classification: `accuracy`, `macro_f1`, the primary one, `matthews_correlation`.
  ///
  /// With imbalanced classes, accuracy favors always predicting the most frequent class.
  public static func classification(_ predictions: [Int], _ targets: [Int]) -> EvaluationResult {
    classification(accuracy: Metrics.accuracy(predictions, targets), ClassCounts(predictions, targets))
  }

  static func classification(accuracy: Double, _ counts: ClassCounts) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("accuracy", accuracy), Metric("macro_f1", counts.macroF1),
        Metric("matthews_correlation", counts.matthews),
      ], primary: "macro_f1")
  }

  /// Multiple labels: `micro_f1`, the primary one, `macro_f1`, `exact_match`.
  public static func multilabelClassification(_ predictions: [[Bool]], _ targets: [[Bool]]) -> EvaluationResult {
    multilabelClassification(
      exactMatch: Metrics.exactMatch(predictions, targets), ClassCounts(predictions, targets),
      labels: targets.first?.count ?? 0)
  }

  static func multilabelClassification(exactMatch: Double, _ counts: ClassCounts, labels: Int) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("micro_f1", counts.micro.f1), Metric("macro_f1", counts.sumOfF1 / Double(labels)),
        Metric("exact_match", exactMatch),
      ], primary: "micro_f1")
  }

  /// Regression: `pearson`, the primary one, `spearman`, `mean_squared_error`, `mean_absolute_error`, `r2`.
  public static func regression(_ predictions: [Float], _ targets: [Float]) -> EvaluationResult {
    let (predictions, targets) = (predictions.map(Double.init), targets.map(Double.init))
    return EvaluationResult(
      [
        Metric("pearson", Metrics.pearson(predictions, targets)),
        Metric("spearman", Metrics.spearman(predictions, targets)),
        Metric("mean_squared_error", Metrics.meanSquaredError(predictions, targets)),
        Metric("mean_absolute_error", Metrics.meanAbsoluteError(predictions, targets)),
        Metric("r2", Metrics.determination(predictions, targets)),
      ], primary: "pearson")
  }

  static func regression(pearson: Double, meanSquaredError: Double) -> EvaluationResult {
    EvaluationResult(
      [Metric("pearson", pearson), Metric("mean_squared_error", meanSquaredError)], primary: "pearson")
  }

  /// Tagging: if the labels are a ``TagScheme``, `precision`, `recall` and `f1`, the primary one, of spans, and
  /// `accuracy` of words; for other labels `accuracy` and `macro_f1`, the primary one.
  ///
  /// - Parameters:
  ///   - predictions: the label of each word of each sentence.
  ///   - targets: the correct labels.
  ///   - labels: the names of the labels.
  public static func tagging(_ predictions: [[Int]], _ targets: [[Int]], labels: [String]) -> EvaluationResult {
    let words = (predictions: Array(predictions.joined()), targets: Array(targets.joined()))
    let accuracy = Metrics.accuracy(words.predictions, words.targets)
    guard let scheme = TagScheme(labels) else {
      return tagging(accuracy: accuracy, ClassCounts(words.predictions, words.targets))
    }
    return tagging(accuracy: accuracy, spans: Metrics.spanScores(predictions, targets, scheme))
  }

  static func tagging(accuracy: Double, spans: MatchCounts) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("precision", spans.precision), Metric("recall", spans.recall), Metric("f1", spans.f1),
        Metric("accuracy", accuracy),
      ], primary: "f1")
  }

  static func tagging(accuracy: Double, _ counts: ClassCounts) -> EvaluationResult {
    EvaluationResult([Metric("accuracy", accuracy), Metric("macro_f1", counts.macroF1)], primary: "macro_f1")
  }

  /// Question answering: `f1`, the primary one, and `exact_match`, means over the questions.
  ///
  /// - Parameters:
  ///   - predictions: a text for each question; empty for no answer.
  ///   - answers: the correct texts for each; none if the context does not answer.
  public static func questionAnswering(_ predictions: [String], _ answers: [[String]]) -> EvaluationResult {
    Metrics.checkCounts(predictions.count, answers.count)
    let questions = zip(predictions, answers).map { AnswerReport.Question(prediction: $0, answers: $1) }
    let total = AnswerReport(questions).total
    return questionAnswering(exactMatch: total.exactMatch, f1: total.f1)
  }

  static func questionAnswering(exactMatch: Double, f1: Double) -> EvaluationResult {
    EvaluationResult([Metric("exact_match", exactMatch), Metric("f1", f1)], primary: "f1")
  }

  /// Multiple choice: `accuracy`.
  public static func multipleChoice(_ predictions: [Int], _ targets: [Int]) -> EvaluationResult {
    multipleChoice(accuracy: Metrics.accuracy(predictions, targets))
  }

  static func multipleChoice(accuracy: Double) -> EvaluationResult {
    EvaluationResult([Metric("accuracy", accuracy)], primary: "accuracy")
  }

  /// Masked language models: `loss`, the primary one, `accuracy`, `perplexity`.
  public static func maskedLM(_ score: LanguageModelScore) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("loss", score.meanLoss), Metric("accuracy", score.accuracy), Metric("perplexity", score.perplexity),
      ], primary: "loss", isLoss: true)
  }
}

extension TrainingTask {
  /// The names of the metrics of a head.
  ///
  /// - Parameter labels: its label names.
  public func metricNames(labels: [String] = []) -> [String] {
    let result: EvaluationResult =
      switch self {
      case .classification: .classification([], [])
      case .multilabelClassification: .multilabelClassification([], [])
      case .regression: .regression([], [])
      case .tagging: .tagging([], [], labels: labels)
      case .questionAnswering: .questionAnswering([], [])
      case .multipleChoice: .multipleChoice([], [])
      case .maskedLM: .maskedLM(LanguageModelScore())
      }
    return result.metrics.map(\.name)
  }
}
