public import Checkpoints

/// What came of a run.
public struct TrainingSummary: Hashable, Sendable {
  /// Why a run ended.
  public enum End: String, Hashable, Sendable {
    /// All steps were done.
    case completed
    /// As many evaluations as the patience allows had no new best.
    case noImprovement = "no_improvement"
    /// The listener wanted no more; the run can be resumed.
    case stopped
  }

  public let end: End
  /// The steps that were done.
  public let steps: Int
  /// The epochs that were finished.
  public let epochs: Int
  public let tokens: Int
  /// Seconds of training, of all parts of a resumed run.
  public let seconds: Double
  /// The loss of the last step.
  public let loss: Float
  public let evaluations: [EvaluationReport]
  /// The best evaluation, the first of equals.
  public let best: EvaluationReport?
  /// The step whose values the parameters have now.
  public let parametersOfStep: Int

  /// The same for a file or a program.
  public var object: JSONValue {
    var members: [String: JSONValue] = [
      "end": .string(end.rawValue), "steps": .integer(steps), "epochs": .integer(epochs), "tokens": .integer(tokens),
      "seconds": .number((seconds * 1000).rounded() / 1000), "loss": .short(loss),
      "parameters_of_step": .integer(parametersOfStep),
    ]
    if let best {
      members["best"] = .object([
        "step": .integer(best.step), "epoch": .integer(best.epoch + 1), "primary": .string(best.result.primary.name),
        "metrics": best.result.json,
      ])
    }
    return .object(members)
  }
}
