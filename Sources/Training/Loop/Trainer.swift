public import Checkpoints
public import Tensors

/// Runs a ``TrainingObjective``: steps, evaluations, best parameters, and a state for resuming.
///
/// A run that is killed at any time and resumed ends with the same bits as an uninterrupted one, with any number of
/// threads.
///
/// ```swift
/// let trainer = Trainer(objective, settings: TrainingSettings(.epochs(3)), output: "runs/section", compute: compute)
/// let summary = try trainer.run(.resumedIfPossible) { event in
///   if case .step(let step) = event { print(step.step, step.loss) }
///   return .continue
/// }
/// ```
public struct Trainer {
  /// The start of a run.
  public enum Start: Sendable {
    /// From the current parameters; the folder must not contain a state.
    case new
    /// From the state in the folder.
    case resumed
    /// From the state in the folder, if there is one.
    case resumedIfPossible
  }

  public let objective: any TrainingObjective
  public let settings: TrainingSettings
  /// The folder for the recipe, the state, the log, the curves and the summary; nil writes nothing.
  public let output: String?
  /// The complete recipe, saved in the folder; nil if unknown.
  public let recipe: JSONValue?
  public let compute: Compute

  public init(
    _ objective: any TrainingObjective, settings: TrainingSettings, output: String? = nil, recipe: JSONValue? = nil,
    compute: Compute
  ) {
    self.objective = objective
    self.settings = settings
    self.output = output
    self.recipe = recipe
    self.compute = compute
  }

  /// Trains, leaving the objective's parameters with their last or best values.
  ///
  /// If `onEvent` or the objective throws, the run ends as if the process had been killed: the last saved state is
  /// kept.
  ///
  /// - Parameters:
  ///   - start: without `output` a run can only be new.
  ///   - onEvent: receives all events, on this thread.
  /// - Throws: ``TrainingError``, and the errors of the objective and `onEvent`.
  public func run(
    _ start: Start = .new, onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> TrainingSummary {
    try settings.check()
    let run = try TrainingRun(objective, settings: settings, output: output, recipe: recipe, compute: compute)
    try withoutActuallyEscaping(onEvent) { try run.run(start, $0) }
    return run.summary
  }
}
