internal import Checkpoints
public import Heads

/// Candidate labels for an NLI head that was not trained on them.
///
/// Each label is inserted into a hypothesis, such as "This example is sport.", and scored by how strongly the text
/// entails it.
public struct ZeroShotOptions: Sendable, Hashable {
  /// The template of transformers' pipeline.
  public static let standardTemplate = "This example is {}."

  public let candidateLabels: [String]
  /// A sentence with `{}` in place of the label.
  public let hypothesisTemplate: String
  /// Whether labels are scored independently, entailment against contradiction, so that any number may apply.
  public let multiLabel: Bool

  /// - Throws: ``ZeroShotError``.
  public init(
    candidateLabels: [String], hypothesisTemplate: String = standardTemplate, multiLabel: Bool = false
  ) throws(ZeroShotError) {
    guard !candidateLabels.isEmpty else { throw .noLabels }
    var known: Set<String> = []
    for label in candidateLabels where !known.insert(label).inserted { throw .repeated(label) }
    let slots = hypothesisTemplate.split(separator: "{}", omittingEmptySubsequences: false).count - 1
    guard slots > 0 else { throw .templateWithoutSlot(hypothesisTemplate) }
    let longest = candidateLabels.map(\.utf8.count).max() ?? 0
    let (bytes, overflow) = slots.multipliedReportingOverflow(by: longest)
    guard !overflow, bytes <= Limits.lineBytes, hypothesisTemplate.utf8.count <= Limits.lineBytes else {
      throw .tooLong(limit: Limits.lineBytes)
    }
    self.candidateLabels = candidateLabels
    self.hypothesisTemplate = hypothesisTemplate
    self.multiLabel = multiLabel
  }

  /// The hypothesis of a label.
  public func hypothesis(_ label: String) -> String {
    hypothesisTemplate.split(separator: "{}", omittingEmptySubsequences: false).joined(separator: label)
  }
}

/// The outputs of an NLI head used for zero-shot classification.
public struct EntailmentOutputs: Sendable, Hashable {
  public let entailment: Int
  public let contradiction: Int

  /// Finds the outputs by label: entailment begins with "entail" and contradiction with "contradict", ignoring case.
  ///
  /// Without a contradiction label it is the first output, or the last if the first is entailment, as in transformers'
  /// pipeline.
  ///
  /// - Returns: nil for a head that does not classify, or does not have an entailment label and another one.
  public init?(_ settings: HeadSettings) {
    guard settings.kind == .classification || settings.kind == .multilabelClassification else { return nil }
    let labels = settings.labelNames.map { $0.lowercased() }
    guard labels.count > 1, let entailment = labels.firstIndex(where: { $0.hasPrefix("entail") }) else { return nil }
    self.entailment = entailment
    contradiction =
      labels.firstIndex { $0.hasPrefix("contradict") } ?? (entailment == 0 ? labels.count - 1 : 0)
  }
}

extension Answer {
  /// The candidate labels with their scores, highest first.
  ///
  /// - Parameters:
  ///   - outputs: for each label, the head's outputs for the text with its hypothesis.
  ///   - places: the indices of entailment and contradiction.
  ///   - options: the labels, in the order of `outputs`.
  public init(zeroShot outputs: [[Float]], _ places: EntailmentOutputs, _ options: ZeroShotOptions) {
    let scores: [Float] =
      if options.multiLabel || outputs.count == 1 {
        outputs.map { ScoreFunction.softmax.scores([$0[places.contradiction], $0[places.entailment]])[1] }
      } else {
        ScoreFunction.softmax.scores(outputs.map { $0[places.entailment] })
      }
    self = .zeroShot(zip(options.candidateLabels, scores).map { ScoredLabel(label: $0, score: $1) }.highestFirst)
  }
}

/// Why texts cannot be classified by candidate labels.
public enum ZeroShotError: Error, Hashable, Sendable, CustomStringConvertible {
  case noLabels
  case repeated(String)
  case templateWithoutSlot(String)
  /// A hypothesis would have more bytes than a line of texts.
  case tooLong(limit: Int)

  public var description: String {
    switch self {
    case .noLabels: "There are no candidate labels; name at least one."
    case .repeated(let label): "The candidate label '\(label)' is named twice; each is scored once."
    case .templateWithoutSlot(let template):
      "The hypothesis template '\(template)' has no {} for the label, so every label would make the same hypothesis. "
        + "Write it as in '\(ZeroShotOptions.standardTemplate)'"
    case .tooLong(let limit):
      "The hypothesis template with its label has more than \(limit) bytes; shorten the template or the labels."
    }
  }
}
