public import Checkpoints
public import Tensors

/// Runs a ``TrainingObjective``: steps, evaluations, the best parameters, and a state that outlives the process.
///
/// A run that is killed at any moment and resumed ends with the same bits as
/// one that was not, with any number of threads.
///
/// ```swift
/// let trainer = Trainer(objective, settings: TrainingSettings(.epochs(3)), output: "runs/section", compute: compute)
/// let summary = try trainer.run(.resumedIfPossible) { event in
///   if case .step(let step) = event { print(step.step, step.loss) }
///   return .continue
/// }
/// ```
public struct Trainer {
  /// How a run begins.
  public enum Start: Sendable {
    /// From the parameters as they are; the folder must hold no state.
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
  /// Everything that the run is done by, kept in its folder; nil if nobody can say.
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

  /// Trains, and leaves the objective's parameters with their last or their best values.
  ///
  /// If `onEvent` or the objective throws, the run ends there as if the process
  /// had been killed: the last saved state stays.
  ///
  /// - Parameters:
  ///   - start: with no `output` a run can only be new.
  ///   - onEvent: hears of everything that happens, on this thread.
  /// - Throws: ``TrainingError``, and what the objective and `onEvent` throw.
  public func run(
    _ start: Start = .new, onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> TrainingSummary {
    try settings.check()
    let run = try TrainingRun(objective, settings: settings, output: output, recipe: recipe, compute: compute)
    try withoutActuallyEscaping(onEvent) { try run.run(start, $0) }
    return run.summary
  }
}
