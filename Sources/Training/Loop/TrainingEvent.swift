/// An event of a run.
public enum TrainingEvent: Sendable {
  /// A saved run continues after this step.
  case resumed(step: Int)
  /// The run continues with changed settings; follows ``resumed(step:)``.
  case adjusted([TrainingError.Difference])
  /// The parameters were updated.
  case step(StepReport)
  /// The parameters were evaluated; `isBest` if this is the best result so far.
  case evaluation(EvaluationReport, isBest: Bool)
  /// The state was saved to disk.
  case saved(step: Int, path: String)
}

/// Whether to continue a run.
public enum TrainingDecision: Sendable {
  case `continue`
  /// End the run after this step, in a resumable state.
  case stop
}

/// One step of a run.
public struct StepReport: Hashable, Sendable {
  /// From 1.
  public let step: Int
  public let totalSteps: Int
  /// From 0.
  public let epoch: Int
  /// The mean over the step's batches; NaN if none of them had targets.
  public let loss: Float
  public let learningRate: Double
  /// The norm of all gradients, before clipping.
  public let gradientNorm: Double
  /// The number of tokens in all steps so far.
  public let tokens: Int
  /// The seconds of all steps so far, including those before resuming.
  public let seconds: Double
  /// The rate of the last steps.
  public let tokensPerSecond: Double
  /// The estimated seconds to the last step.
  public let remainingSeconds: Double
}

/// One evaluation of a run.
public struct EvaluationReport: Hashable, Sendable {
  /// The step after which it ran.
  public let step: Int
  /// The epoch of that step, from 0.
  public let epoch: Int
  public let result: EvaluationResult

  public init(step: Int, epoch: Int, result: EvaluationResult) {
    self.step = step
    self.epoch = epoch
    self.result = result
  }
}
