public import Heads

/// What a head is trained to do: its kind, with regression told apart from classification.
public enum TrainingTask: String, Sendable, Hashable, CaseIterable {
  case classification
  case multilabelClassification = "multilabel_classification"
  /// One value a text: a classification head with one output.
  case regression
  case tagging
  case questionAnswering = "question_answering"
  case multipleChoice = "multiple_choice"
  case maskedLM = "masked_lm"

  /// The task of a head.
  public init(_ settings: HeadSettings) {
    self =
      switch settings.kind {
      case .classification: settings.outputs == 1 ? .regression : .classification
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
