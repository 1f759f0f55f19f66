internal import Checkpoints

/// The settings of a run, apart from the objective itself.
///
/// ```swift
/// var settings = TrainingSettings(.epochs(3), learningRate: 1e-3)
/// settings.warmUp = .ratio(0.06)
/// let same = try TrainingSettings(settings.object, file: "settings")
/// ```
public struct TrainingSettings: Hashable, Sendable {
  /// The length of a run.
  public enum Length: Hashable, Sendable {
    /// A number of parameter updates.
    case steps(Int)
    /// A number of passes over the examples.
    case epochs(Int)
  }

  /// When to evaluate the parameters; they are always evaluated at the end, too.
  public enum EvaluationInterval: Hashable, Sendable {
    case steps(Int)
    case epoch
    case end
  }

  public var length: Length
  public var optimizer: OptimizerSettings
  /// The peak learning rate, which the schedule scales.
  public var learningRate: Double
  public var curve: Schedule.Curve
  public var warmUp: Schedule.WarmUp
  /// The maximum gradient norm; nil for no limit.
  public var clipNorm: Double?
  /// The number of batches accumulated per step.
  public var accumulation: Int
  public var evaluation: EvaluationInterval
  /// The number of evaluations without a new best after which a run ends; nil for no limit.
  public var patience: Int?
  /// Whether to restore the parameters of the best evaluation at the end.
  public var keepsBest: Bool
  /// The metric that selects the best evaluation; nil for the objective's primary one.
  public var bestBy: String?
  /// The number of steps between saves; nil to only save at the end.
  public var saveInterval: Int?
  /// The seed of dropout.
  public var seed: UInt64
  /// Whether to apply the model's dropout.
  public var usesDropout: Bool

  public init(
    _ length: Length, optimizer: OptimizerSettings = .adamW(AdamW()), learningRate: Double = 1e-4,
    curve: Schedule.Curve = .linear, warmUp: Schedule.WarmUp = .none, clipNorm: Double? = 1, accumulation: Int = 1,
    evaluation: EvaluationInterval = .epoch, patience: Int? = nil, keepsBest: Bool = true, bestBy: String? = nil,
    saveInterval: Int? = 500,
    seed: UInt64 = 0, usesDropout: Bool = true
  ) {
    self.length = length
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.curve = curve
    self.warmUp = warmUp
    self.clipNorm = clipNorm
    self.accumulation = accumulation
    self.evaluation = evaluation
    self.patience = patience
    self.keepsBest = keepsBest
    self.bestBy = bestBy
    self.saveInterval = saveInterval
    self.seed = seed
    self.usesDropout = usesDropout
  }

  /// - Throws: `configuration` for a value outside its range.
  ///
  /// - Parameter file: the source of the settings, for messages.
  public func check(file: String = "The settings") throws(TrainingError) {
    do throws(ConfigurationError) {
      try checkRanges(file: file)
      try optimizer.check(file: file)
    } catch {
      throw .configuration(error)
    }
  }

  private func checkRanges(file: String) throws(ConfigurationError) {
    func expect(
      _ holds: Bool, _ key: String, _ value: some CustomStringConvertible, _ expected: String
    ) throws(ConfigurationError) {
      guard holds else { throw .impossible(key: key, value: "\(value)", expected: expected, file: file) }
    }
    switch length {
    case .steps(let steps): try expect(1...1_000_000_000 ~= steps, "steps", steps, "1 to 1000000000")
    case .epochs(let epochs): try expect(1...1_000_000 ~= epochs, "epochs", epochs, "1 to 1000000")
    }
    // Beyond these, single precision overflows or nothing is learned.
    try expect(0...1000 ~= learningRate, "learning_rate", learningRate, "0 to 1000, such as 0.0001")
    switch warmUp {
    case .steps(let steps): try expect(0...1_000_000_000 ~= steps, "warmup_steps", steps, "0 to 1000000000")
    case .ratio(let ratio): try expect(0...1 ~= ratio, "warmup_ratio", ratio, "0 to 1")
    }
    if let clipNorm { try expect(clipNorm > 0 && clipNorm <= 1e30, "clip_norm", clipNorm, "0 (no limit) to 1e30") }
    try expect(1...1_000_000 ~= accumulation, "accumulate", accumulation, "1 to 1000000")
    if case .steps(let steps) = evaluation {
      try expect(1...1_000_000_000 ~= steps, "evaluate_every", steps, "1 to 1000000000")
    }
    if let patience { try expect(1...1_000_000_000 ~= patience, "patience", patience, "1 to 1000000000") }
    if let saveInterval {
      try expect(1...1_000_000_000 ~= saveInterval, "save_every", saveInterval, "0 (only at the end) to 1000000000")
    }
    try expect(seed <= UInt64(Int.max), "seed", seed, "0 to \(Int.max)")
  }

  /// An evaluation with the selected metric as its primary one.
  func chosenMetric(of result: EvaluationResult) throws(TrainingError) -> EvaluationResult {
    guard let bestBy else { return result }
    guard let ranked = result.ranked(by: bestBy) else {
      throw .configuration(
        .impossible(
          key: "best_by", value: "'\(bestBy)'",
          expected: "one of \(result.metrics.map(\.name).joined(separator: ", "))", file: "The settings"))
    }
    return ranked
  }
}
