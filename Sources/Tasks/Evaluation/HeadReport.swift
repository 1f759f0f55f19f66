/// The evaluation results of one head.
public struct HeadReport: Sendable {
  /// The name of the head.
  public let head: String
  public let outcomes: Outcomes
  public let result: EvaluationResult
  /// Keyed by metric name.
  public let intervals: [String: ConfidenceInterval]
  /// For each class or label that occurs, of texts or words.
  public let labels: LabelReport?
  /// For each kind of entity.
  public let entities: LabelReport?
  /// The same with tags that violate their scheme not counted as entities.
  public let strictEntities: LabelReport?
  public let confusion: ConfusionMatrix?
  /// For classes and choices: the calibration of their probabilities.
  public let calibration: Calibration?
  /// For each binary label: all labels of a multi-label head, and the second of two classes.
  public let curves: [(label: String, curve: ThresholdCurve)]
  public let answers: AnswerReport?
  /// The thresholds used to decide labels; nil: 0.5 for each.
  public let thresholds: [Float]?

  public init(
    head: String, _ outcomes: Outcomes, thresholds: [Float]? = nil, _ resampling: Resampling = Resampling()
  ) {
    self.head = head
    self.outcomes = outcomes
    self.thresholds = thresholds
    result = outcomes.result
    intervals = outcomes.intervals(resampling)
    let names = outcomes.labels
    switch outcomes.task {
    case .classification:
      let classes = outcomes.classes
      labels = LabelReport(classes.predicted, classes.actual, labels: names).occurring
      confusion = ConfusionMatrix(classes.predicted, classes.actual, labels: names).occurring
      calibration = outcomes.calibration
      curves =
        names.count == 2
        ? [(names[1], ThresholdCurve(classes.probabilities.map { Double($0[1]) }, classes.actual.map { $0 == 1 }))] : []
    case .multilabelClassification:
      let flags = outcomes.flags
      labels = LabelReport(flags: flags.predicted, flags.actual, labels: names)
      confusion = nil
      calibration = nil
      curves = names.enumerated().map { label, name in
        (name, ThresholdCurve(flags.probabilities.map { Double($0[label]) }, flags.actual.map { $0[label] }))
      }
    case .tagging:
      let words = outcomes.words
      let (predicted, actual) = (Array(words.predicted.joined()), Array(words.actual.joined()))
      labels = LabelReport(predicted, actual, labels: names).occurring
      confusion = ConfusionMatrix(predicted, actual, labels: names).occurring
      calibration = Calibration(
        words.probabilities.joined().map { Double($0) }, zip(predicted, actual).map { $0 == $1 })
      curves = []
    case .multipleChoice:
      (labels, confusion, curves) = (nil, nil, [])
      calibration = outcomes.calibration
    case .regression, .questionAnswering, .maskedLM: (labels, confusion, calibration, curves) = (nil, nil, nil, [])
    }
    func entities(_ reading: TagScheme.Reading) -> LabelReport? {
      outcomes.scheme.map {
        LabelReport(entities: outcomes.words.predicted, outcomes.words.actual, $0, reading: reading)
      }
    }
    self.entities = entities(.lenient)
    strictEntities = entities(.strict)
    answers = outcomes.task == .questionAnswering ? AnswerReport(outcomes.questions) : nil
  }

  /// The threshold with the best F1 for each label of a multi-label head; labels that never or always apply keep
  /// theirs.
  ///
  /// Nil for other heads.
  public var bestThresholds: [Float]? {
    guard outcomes.task == .multilabelClassification else { return nil }
    return curves.enumerated().map { label, entry in
      let present = thresholds?[label] ?? 0.5
      return entry.curve.best(nearest: Double(present)).map { Float($0.threshold) } ?? present
    }
  }
}

extension Outcomes {
  /// The calibration of the predicted classes.
  fileprivate var calibration: Calibration {
    let classes = classes
    return Calibration(
      zip(classes.probabilities, classes.predicted).map { Double($0[$1]) },
      zip(classes.predicted, classes.actual).map { $0 == $1 })
  }
}
