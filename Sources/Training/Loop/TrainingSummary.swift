public import Checkpoints

/// The result of a run.
public struct TrainingSummary: Hashable, Sendable {
  /// Why a run ended.
  public enum End: String, Hashable, Sendable {
    /// All steps were completed.
    case completed
    /// The patience was exhausted without a new best evaluation.
    case noImprovement = "no_improvement"
    /// The listener stopped the run, which can be resumed.
    case stopped
  }

  public let end: End
  /// The number of completed steps.
  public let steps: Int
  /// The number of completed epochs.
  public let epochs: Int
  public let tokens: Int
  /// Seconds of training, over all parts of a resumed run.
  public let seconds: Double
  /// The loss of the last step.
  public let loss: Float
  public let evaluations: [EvaluationReport]
  /// The best evaluation, the first in case of a tie.
  public let best: EvaluationReport?
  /// The step whose values the parameters have.
  public let parametersOfStep: Int

  /// The summary as a JSON object.
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
