internal import Checkpoints
internal import Tensors

/// A run in progress.
final class TrainingRun {
  private typealias Listener = (TrainingEvent) throws -> TrainingDecision

  private let objective: any TrainingObjective
  private let settings: TrainingSettings
  private let parameters: [TrainedParameter]
  private let folder: RunFolder?
  private let recipe: JSONValue?
  private let optimizer: Optimizer
  private let schedule: Schedule
  private let step: TrainingStep
  private var stateFile: StateFile?

  private var state = RunState()
  /// The values of the best evaluation.
  private var best: [[Float]]?
  private var losses: [TrainingPlot.Point] = []
  private var savedStep: Int?
  private var wantsStop = false
  private var parametersOfStep = 0
  private var pace = Pace()

  init(
    _ objective: any TrainingObjective, settings: TrainingSettings, output: String?, recipe: JSONValue?,
    compute: Compute
  ) throws {
    self.objective = objective
    self.settings = settings
    self.recipe = recipe
    parameters = objective.parameters
    guard !parameters.isEmpty else { throw TrainingError.noParameters }
    var names: Set<String> = []
    for parameter in parameters where !names.insert(parameter.name).inserted {
      throw TrainingError.repeatedParameter(parameter.name)
    }
    schedule = Schedule(settings.curve, warmUp: settings.warmUp, steps: try Self.steps(of: objective, settings))
    optimizer = Optimizer(settings.optimizer.rule, for: parameters)
    step = TrainingStep(objective: objective, parameters: parameters, settings: settings, compute: compute)
    folder = try output.map { path in try RunFolder(path) }
    stateFile = folder.map { folder in
      var facts = settings.fingerprint
      for (name, fact) in objective.fingerprint { facts["objective.\(name)"] = fact }
      let values = parameters.reduce(0) { $0 + $1.value.rows * $1.value.columns }
      facts["parameters"] = "\(parameters.count) tensors, \(values) values"
      return StateFile(path: folder.statePath, fingerprint: facts, parameters: parameters)
    }
  }

  /// The number of steps of the whole run.
  private static func steps(of objective: any TrainingObjective, _ settings: TrainingSettings) throws -> Int {
    switch settings.length {
    case .steps(let steps): return steps
    case .epochs(let epochs):
      return try (0..<epochs).reduce(0) { steps, epoch in
        let batches = try objective.batches(epoch: epoch).count
        guard batches > 0 else { throw TrainingError.noBatches(epoch: epoch) }
        return steps + (batches + settings.accumulation - 1) / settings.accumulation
      }
    }
  }

  /// - Throws: `notWritten`, with the last saved state, if a file of the folder cannot be written.
  func run(_ start: Trainer.Start, _ listener: (TrainingEvent) throws -> TrainingDecision) throws {
    try begin(start, listener)
    do { try takeSteps(listener) } catch TrainingError.checkpoint(let error) {
      throw TrainingError.notWritten(error, savedStep: savedStep, savedPath: stateFile?.path)
    }
  }

  private func takeSteps(_ listener: Listener) throws {
    while state.end == nil && !wantsStop {
      let batches = try objective.batches(epoch: state.epoch)
      guard !batches.isEmpty else { throw TrainingError.noBatches(epoch: state.epoch) }
      guard state.batch < batches.count else {
        throw TrainingError.brokenState(
          reason: "it stands before batch \(state.batch + 1) of \(batches.count)", path: stateFile?.path ?? "")
      }
      let epoch = state.epoch
      while state.epoch == epoch && state.end == nil && !wantsStop { try takeStep(batches, listener) }
    }
    try finish()
  }

  private func begin(_ start: Trainer.Start, _ listener: Listener) throws {
    guard let folder, let stateFile else {
      if case .resumed = start { throw TrainingError.noState(path: "No output folder") }
      return
    }
    var changes: [TrainingError.Difference] = []
    switch start {
    case .new where folder.hasState: throw TrainingError.stateExists(path: folder.statePath)
    case .resumed where !folder.hasState: throw TrainingError.noState(path: folder.statePath)
    default: break
    }
    if folder.hasState {
      (state, best, changes) = try stateFile.read(into: optimizer)
      try checkPlace(stateFile.path)
      savedStep = state.step
    }
    if let recipe { try folder.write(recipe.indented + "\n", to: folder.recipePath) }
    losses = try folder.log.keep(through: state.step)
    parametersOfStep = state.step
    if savedStep != nil { try tell(.resumed(step: state.step), listener) }
    if !changes.isEmpty { try tell(.adjusted(changes), listener) }
  }

  /// Refuses a state that no run with these settings reaches.
  private func checkPlace(_ path: String) throws(TrainingError) {
    func expect(_ holds: Bool, _ reason: String) throws(TrainingError) {
      guard holds else { throw .brokenState(reason: reason, path: path) }
    }
    try expect(state.step <= schedule.steps, "it stands after step \(state.step) of \(schedule.steps)")
    try expect(
      state.step < schedule.steps || state.end != nil, "all \(schedule.steps) steps are done, and the run has not ended"
    )
    try expect(
      state.epoch <= state.step && state.batches >= state.step,
      "it stands after step \(state.step) in epoch \(state.epoch + 1), after \(state.batches) batches")
    try expect(
      state.evaluations.allSatisfy { $0.step <= state.step }, "it holds an evaluation after step \(state.step)")
  }

  /// Runs one step, and everything due after it.
  private func takeStep(_ batches: [[Int]], _ listener: Listener) throws {
    let epoch = state.epoch
    let clock = ContinuousClock.now
    let group = Array(batches[state.batch..<min(state.batch + settings.accumulation, batches.count)])
    let rate = settings.learningRate * schedule.factor(at: state.step)
    let advice = TrainingError.Advice(
      learningRate: rate, clipNorm: settings.clipNorm, savedStep: savedStep, savedPath: stateFile?.path)
    let result: TrainingStep.Result
    do { result = try step.take(group, at: state, rate: rate, with: optimizer, advice: advice) } catch let
      error as TrainingError where error.isNotFinite && savedStep == nil && state.step > 0
    {
      // The failed step left the parameters unchanged, and no state of them has been saved.
      try? save(listener)
      throw error.after(saving: savedStep, in: stateFile?.path)
    }

    let seconds = Pace.seconds(since: clock)
    pace.add(tokens: result.tokens, seconds: seconds)
    state.step += 1
    state.batch += group.count
    state.batches += group.count
    state.tokens += result.tokens
    state.seconds += seconds
    state.loss = result.loss
    parametersOfStep = state.step
    let endsEpoch = state.batch == batches.count
    if endsEpoch {
      state.epoch += 1
      state.batch = 0
    }
    let report = StepReport(
      step: state.step, totalSteps: schedule.steps, epoch: epoch, loss: result.loss, learningRate: rate,
      gradientNorm: result.gradientNorm, tokens: state.tokens, seconds: state.seconds,
      tokensPerSecond: pace.tokensPerSecond, remainingSeconds: pace.secondsPerStep * Double(schedule.steps - state.step)
    )
    losses.append(TrainingPlot.Point(step: state.step, value: Double(result.loss)))
    try folder?.log.add(report)
    try tell(.step(report), listener)

    let isLast = state.step == schedule.steps
    if isLast || isEvaluationDue(endsEpoch: endsEpoch) { try evaluate(epoch: epoch, listener) }
    if isLast {
      state.end = .completed
    } else if let patience = settings.patience, state.evaluationsWithoutBest >= patience {
      state.end = .noImprovement
    }
    let isSaveDue = settings.saveInterval.map { state.step.isMultiple(of: $0) } ?? false
    if isSaveDue || wantsStop || state.end != nil { try save(listener) }
  }

  private func isEvaluationDue(endsEpoch: Bool) -> Bool {
    switch settings.evaluation {
    case .steps(let steps): state.step.isMultiple(of: steps)
    case .epoch: endsEpoch
    case .end: false
    }
  }

  private func evaluate(epoch: Int, _ listener: Listener) throws {
    let clock = ContinuousClock.now
    guard let found = try objective.evaluate() else { return }
    let result = try settings.chosenMetric(of: found)
    let seconds = Pace.seconds(since: clock)
    pace.add(pause: seconds)
    state.seconds += seconds
    let isBest = state.add(result, epoch: epoch)
    if isBest && settings.keepsBest { best = parameters.map(\.value.array) }
    let report = EvaluationReport(step: state.step, epoch: epoch, result: result)
    try folder?.log.add(report, isBest: isBest)
    try tell(.evaluation(report, isBest: isBest), listener)
  }

  private func save(_ listener: Listener) throws {
    guard let folder, let stateFile else { return }
    try folder.log.flush()
    try stateFile.write(state, optimizer, best: best)
    savedStep = state.step
    try folder.write(TrainingPlot(losses: losses, evaluations: state.evaluations).svg, to: folder.plotPath)
    try tell(.saved(step: state.step, path: stateFile.path), listener)
  }

  private func finish() throws {
    if let best, let index = state.best {
      for (parameter, values) in zip(parameters, best) { parameter.value.set(values) }
      parametersOfStep = state.evaluations[index].step
    }
    guard let folder, case .object(var members) = summary.object else { return }
    members["recipe"] = recipe
    try folder.write(JSONValue.object(members).indented + "\n", to: folder.summaryPath)
  }

  private func tell(_ event: TrainingEvent, _ listener: Listener) throws {
    if case .stop = try listener(event) { wantsStop = true }
  }

  var summary: TrainingSummary {
    TrainingSummary(
      end: state.end ?? .stopped, steps: state.step, epochs: state.epoch, tokens: state.tokens,
      seconds: state.seconds, loss: state.loss, evaluations: state.evaluations,
      best: state.best.map { state.evaluations[$0] }, parametersOfStep: parametersOfStep)
  }
}

/// The speed of a run.
private struct Pace {
  private var recentTokens = 0.0
  private var recentSeconds = 0.0
  private var seconds = 0.0
  private var steps = 0

  static func seconds(since start: ContinuousClock.Instant) -> Double {
    let time = (ContinuousClock.now - start).components
    return Double(time.seconds) + Double(time.attoseconds) * 1e-18
  }

  /// An exponential average: each earlier step has a tenth less weight.
  mutating func add(tokens: Int, seconds: Double) {
    recentTokens = 0.9 * recentTokens + Double(tokens)
    recentSeconds = 0.9 * recentSeconds + seconds
    self.seconds += seconds
    steps += 1
  }

  /// Adds time outside of steps.
  mutating func add(pause: Double) { seconds += pause }

  var tokensPerSecond: Double { recentSeconds > 0 ? recentTokens / recentSeconds : 0 }
  var secondsPerStep: Double { steps > 0 ? seconds / Double(steps) : 0 }
}
