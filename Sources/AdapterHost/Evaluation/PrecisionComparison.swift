public import Checkpoints
public import Tasks
public import Tensors

/// What a head answers in a precision, beside what it answers in float32.
public struct PrecisionComparison: Sendable {
  public let head: String
  public let precision: Precision
  public let agreement: Agreement
  /// The metrics in float32.
  public let exact: EvaluationResult
  /// The metrics in the precision.
  public let rounded: EvaluationResult
  /// The largest difference of two logits.
  public let maximumDrift: Float

  init(head: String, precision: Precision, _ exact: Outcomes, _ rounded: Outcomes, maximumDrift: Float) {
    self.head = head
    self.precision = precision
    agreement = Agreement(exact, rounded)
    self.exact = exact.result
    self.rounded = rounded.result
    self.maximumDrift = maximumDrift
  }

  /// `agreement` is null where a head decides nothing, as one that gives values.
  public var json: JSONValue {
    .object([
      "head": .string(head), "precision": .string(precision.rawValue), "decisions": .integer(agreement.decisions),
      "agreement": agreement.share.map { .number($0) } ?? .null,
      "metric": .object([
        "name": .string(exact.primary.name), "float32": .number(exact.primary.value),
        precision.rawValue: .number(rounded.primary.value),
      ]), "max_drift": .number(Double("\(maximumDrift)") ?? Double(maximumDrift)),
    ])
  }
}
