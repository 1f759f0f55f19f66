/// What happens in a run, as it happens.
public enum TrainingEvent: Sendable {
  /// A saved run goes on after this step.
  case resumed(step: Int)
  /// The run goes on with other settings than it had; after ``resumed(step:)``.
  case adjusted([TrainingError.Difference])
  /// The parameters were changed.
  case step(StepReport)
  /// The parameters were evaluated; `isBest` if they were never better.
  case evaluation(EvaluationReport, isBest: Bool)
  /// The state of the run is on the disk.
  case saved(step: Int, path: String)
}

/// What the listener of a run wants.
public enum TrainingDecision: Sendable {
  case `continue`
  /// The run ends after this step, in a state that can be resumed.
  case stop
}

/// One step of a run.
public struct StepReport: Hashable, Sendable {
  /// From 1.
  public let step: Int
  public let totalSteps: Int
  /// From 0.
  public let epoch: Int
  /// The mean over the step's batches; NaN if nothing in them counted.
  public let loss: Float
  public let learningRate: Double
  /// The norm over all gradients, before clipping.
  public let gradientNorm: Double
  /// Tokens of all steps so far.
  public let tokens: Int
  /// Seconds of all steps so far, those before a resume included.
  public let seconds: Double
  /// Of the last steps.
  public let tokensPerSecond: Double
  /// Until the last step, at the pace so far.
  public let remainingSeconds: Double
}

/// One evaluation of a run.
public struct EvaluationReport: Hashable, Sendable {
  /// The step after which it was done.
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
