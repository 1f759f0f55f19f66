extension EvaluationResult {
  /// Classification: `accuracy`, `macro_f1`, the primary one, `matthews_correlation`.
  ///
  /// Where classes are of unequal size, accuracy is best for whoever calls everything the frequent class.
  public static func classification(_ predictions: [Int], _ targets: [Int]) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("accuracy", Metrics.accuracy(predictions, targets)),
        Metric("macro_f1", Metrics.macroF1(predictions, targets)),
        Metric("matthews_correlation", Metrics.matthews(predictions, targets)),
      ], primary: "macro_f1")
  }

  /// Several labels at once: `micro_f1`, the primary one, `macro_f1`, `exact_match`.
  public static func multilabelClassification(_ predictions: [[Bool]], _ targets: [[Bool]]) -> EvaluationResult {
    EvaluationResult(
      [
        Metric("micro_f1", Metrics.microF1(predictions, targets)),
        Metric("macro_f1", Metrics.macroF1(flags: predictions, targets)),
        Metric("exact_match", Metrics.exactMatch(predictions, targets)),
      ], primary: "micro_f1")
  }

  /// Regression: `pearson`, the primary one, `spearman`, `mean_squared_error`.
  public static func regression(_ predictions: [Float], _ targets: [Float]) -> EvaluationResult {
    let (predictions, targets) = (predictions.map(Double.init), targets.map(Double.init))
    return EvaluationResult(
      [
        Metric("pearson", Metrics.pearson(predictions, targets)),
        Metric("spearman", Metrics.spearman(predictions, targets)),
        Metric("mean_squared_error", Metrics.meanSquaredError(predictions, targets)),
      ], primary: "pearson")
  }

  /// Tagging: of spans, if the labels are a ``TagScheme``, `precision`, `recall`, `f1`, the primary one, and
  /// `accuracy` of words; of other labels `accuracy` and `macro_f1`, the primary one.
  ///
  /// - Parameters:
  ///   - predictions: the label of each word of each sentence.
  ///   - targets: the same.
  ///   - labels: the names of the labels.
  public static func tagging(_ predictions: [[Int]], _ targets: [[Int]], labels: [String]) -> EvaluationResult {
    let words = (predictions: Array(predictions.joined()), targets: Array(targets.joined()))
    let accuracy = Metric("accuracy", Metrics.accuracy(words.predictions, words.targets))
    guard let scheme = TagScheme(labels) else {
      let macroF1 = Metric("macro_f1", Metrics.macroF1(words.predictions, words.targets))
      return EvaluationResult([accuracy, macroF1], primary: "macro_f1")
    }
    let spans = Metrics.spanScores(predictions, targets, scheme)
    return EvaluationResult(
      [Metric("precision", spans.precision), Metric("recall", spans.recall), Metric("f1", spans.f1), accuracy],
      primary: "f1")
  }

  /// Question answering: `f1`, the primary one, and `exact_match`, means over the questions.
  ///
  /// - Parameters:
  ///   - predictions: a text for each question; empty for no answer.
  ///   - answers: the right texts for each; none where the context does not answer.
  public static func questionAnswering(_ predictions: [String], _ answers: [[String]]) -> EvaluationResult {
    Metrics.checkCounts(predictions.count, answers.count)
    let matches = zip(predictions, answers).map { Metrics.answerMatch($0, $1) }
    let count = Double(matches.count)
    return EvaluationResult(
      [
        Metric("exact_match", matches.reduce(0) { $0 + $1.exact } / count),
        Metric("f1", matches.reduce(0) { $0 + $1.f1 } / count),
      ], primary: "f1")
  }

  /// Multiple choice: `accuracy`.
  public static func multipleChoice(_ predictions: [Int], _ targets: [Int]) -> EvaluationResult {
    EvaluationResult([Metric("accuracy", Metrics.accuracy(predictions, targets))], primary: "accuracy")
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
  /// - Parameter labels: the names of its labels.
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
