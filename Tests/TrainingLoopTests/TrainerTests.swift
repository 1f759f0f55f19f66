import Checkpoints
import Tensors
import Testing

@testable import Training

@Suite struct TrainerTests {
  private func trained(
    _ objective: any TrainingObjective, _ settings: TrainingSettings, output: String? = nil,
    _ onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> TrainingSummary {
    try Trainer(objective, settings: settings, output: output, compute: compute).run(onEvent: onEvent)
  }

  @Test func `Training makes the loss smaller`() throws {
    let toy = ToyRegression(dropout: 0)
    var reports: [StepReport] = []
    let before = try #require(try toy.evaluate()?.primary.value)
    let summary = try trained(toy, TrainingSettings(.epochs(40), learningRate: 0.03)) { event in
      if case .step(let report) = event { reports.append(report) }
      return .continue
    }
    #expect(summary.end == .completed && summary.steps == 200 && summary.epochs == 40 && summary.tokens == 4000)
    #expect(try #require(summary.best?.result.primary.value) < before / 4)
    #expect(reports.map(\.step) == Array(1...200))
    #expect(reports.map(\.epoch) == (0..<200).map { $0 / 5 })
    #expect(reports.allSatisfy { $0.totalSteps == 200 && $0.gradientNorm > 0 && $0.seconds > 0 })
    let rates = (0..<200).map { (step: Int) -> Double in 0.03 * (Double(200 - step) / 200) }
    #expect(reports.map(\.learningRate) == rates)
    #expect(reports.last?.remainingSeconds == 0)
    #expect(try #require(reports.first).remainingSeconds > 0 && #require(reports.first).tokensPerSecond > 0)
  }

  @Test func `A run of steps goes on through as many epochs as it takes`() throws {
    let summary = try trained(ToyRegression(), TrainingSettings(.steps(12)))
    #expect(summary.steps == 12 && summary.epochs == 2)
    // At the ends of two epochs, and at the end.
    #expect(summary.evaluations.map(\.step) == [5, 10, 12])
    #expect(summary.evaluations.map(\.epoch) == [0, 1, 2])
  }

  @Test(arguments: [
    (TrainingSettings.EvaluationInterval.steps(4), [4, 8, 10]), (.steps(5), [5, 10]), (.epoch, [5, 10]), (.end, [10]),
  ])
  func `Evaluations come when they are due, and once at the end`(
    _ interval: TrainingSettings.EvaluationInterval, _ steps: [Int]
  ) throws {
    let summary = try trained(ToyRegression(), TrainingSettings(.epochs(2), evaluation: interval))
    #expect(summary.evaluations.map(\.step) == steps)
  }

  /// Judged after steps 1 to 4 with w = 9, 8, 7, 6; the second is best, and two more bring nothing better.
  @Test func `Patience ends a run, and the best parameters are put back`() throws {
    let scripted = Scripted([0.5, 0.7, 0.6, 0.7, 0.9])
    var settings = Scripted.settings(.steps(10))
    settings.patience = 2
    var best: [Bool] = []
    let summary = try trained(scripted, settings) { event in
      if case .evaluation(_, let isBest) = event { best.append(isBest) }
      return .continue
    }
    #expect(scripted.judged == [9, 8, 7, 6])
    #expect(best == [true, true, false, false])
    #expect(summary.end == .noImprovement && summary.steps == 4)
    #expect(summary.best?.step == 2 && summary.parametersOfStep == 2)
    #expect(scripted.parameters[0].value.array == [8])
  }

  @Test func `A smaller loss is better, and NaN is never best`() throws {
    let scripted = Scripted([.nan, 0.5, 0.4, .nan, 0.6], isLoss: true)
    let summary = try trained(scripted, Scripted.settings(.steps(5)))
    #expect(summary.best?.step == 3)
    #expect(scripted.parameters[0].value.array == [7])
    let never = try trained(Scripted([.nan, .nan]), Scripted.settings(.steps(2)))
    #expect(never.best == nil && never.parametersOfStep == 2)
  }

  @Test func `The last parameters stay where the best are not kept, or nothing is judged`() throws {
    let scripted = Scripted([0.9, 0.1, 0.1])
    var settings = Scripted.settings(.steps(3))
    settings.keepsBest = false
    let summary = try trained(scripted, settings)
    #expect(summary.best?.step == 1 && summary.parametersOfStep == 3)
    #expect(scripted.parameters[0].value.array == [7])
    let unjudged = Scripted([])
    #expect(try trained(unjudged, Scripted.settings(.epochs(2))).best == nil)
    #expect(unjudged.parameters[0].value.array == [6])
  }

  @Test func `A batch in which nothing counts changes nothing`() throws {
    let scripted = Scripted([])
    scripted.weight = 0
    var losses: [Float] = []
    _ = try trained(scripted, Scripted.settings(.steps(3))) { event in
      if case .step(let report) = event { losses.append(report.loss) }
      return .continue
    }
    #expect(losses.count == 3 && losses.allSatisfy(\.isNaN))
    #expect(scripted.parameters[0].value.array == [10])
  }

  @Test func `Dropout is drawn anew in each batch, from the seed`() throws {
    func trained(seed: UInt64, dropout: Bool = true) throws -> [[UInt32]] {
      let toy = ToyRegression()
      var settings = TrainingSettings(.steps(6), learningRate: 0.01, seed: seed)
      settings.usesDropout = dropout
      settings.keepsBest = false
      _ = try self.trained(toy, settings)
      return bits(toy)
    }
    #expect(try trained(seed: 1) == trained(seed: 1))
    #expect(try trained(seed: 1) != trained(seed: 2))
    #expect(try trained(seed: 1, dropout: false) == trained(seed: 2, dropout: false))
    #expect(try trained(seed: 1, dropout: false) != trained(seed: 1))
  }

  @Test func `The number of threads changes no bit of a run`() throws {
    func trained(threads: Int) throws -> [[UInt32]] {
      let toy = ToyRegression(examples: 64, batchSize: 32, width: 300)
      let trainer = Trainer(
        toy, settings: TrainingSettings(.steps(6), learningRate: 0.01), compute: Compute(threads: threads))
      _ = try trainer.run()
      return bits(toy)
    }
    #expect(try trained(threads: 1) == trained(threads: 3))
  }

  @Test func `What throws ends the run`() throws {
    struct Interruption: Error {}
    #expect(throws: Interruption.self) {
      try trained(ToyRegression(), TrainingSettings(.steps(6))) { _ in throw Interruption() }
    }
    let toy = ToyRegression()
    toy.beforeLoss = { _ in throw Interruption() }
    #expect(throws: Interruption.self) { try trained(toy, TrainingSettings(.steps(6))) }
  }
}
