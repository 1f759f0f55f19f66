public import Heads

/// What a head is trained for: its kind, with regression distinguished from classification.
public enum TrainingTask: String, Sendable, Hashable, CaseIterable {
  case classification
  case multilabelClassification = "multilabel_classification"
  /// One value per text: a classification head with one output.
  case regression
  case tagging
  case questionAnswering = "question_answering"
  case multipleChoice = "multiple_choice"
  case maskedLM = "masked_lm"

  /// The task of a head.
  ///
  /// - Throws: ``TrainingTaskError`` for a head with several values, which no task supports.
  public init(_ settings: HeadSettings) throws(TrainingTaskError) {
    let givesValue = settings.kind == .classification && settings.outputs == 1
    if settings.meaning.score == .identity, !givesValue { throw .severalValues(outputs: settings.outputs) }
    self =
      switch settings.kind {
      case .classification: givesValue ? .regression : .classification
      case .multilabelClassification: .multilabelClassification
      case .tagging: .tagging
      case .questionAnswering: .questionAnswering
      case .multipleChoice: .multipleChoice
      case .maskedLM: .maskedLM
      }
  }

  /// Whether the answers are labels of a ``LabelVocabulary``.
  public var hasLabels: Bool {
    switch self {
    case .classification, .multilabelClassification, .tagging: true
    case .regression, .questionAnswering, .multipleChoice, .maskedLM: false
    }
  }
}

/// Why a head can be neither trained nor evaluated.
public enum TrainingTaskError: Error, Hashable, Sendable, CustomStringConvertible {
  case severalValues(outputs: Int)

  public var description: String {
    switch self {
    case .severalValues(let outputs):
      "The head gives \(outputs) values for each text (problem_type 'regression'). Regression here is of one value; "
        + "train a head of that kind."
    }
  }
}
