internal import Checkpoints

/// The state of a run, except for its tensors.
struct RunState: Hashable, Sendable {
  /// The number of completed steps.
  var step = 0
  /// The epoch of the next batch, from 0.
  var epoch = 0
  /// The index of the next batch in its epoch.
  var batch = 0
  /// The number of batches over all epochs so far; seeds dropout.
  var batches = 0
  var tokens = 0
  var seconds = 0.0
  /// The loss of the last step; NaN before the first.
  var loss = Float.nan
  var evaluations: [EvaluationReport] = []
  /// The index of the best one in `evaluations`.
  var best: Int?
  /// Set when the run is complete, but not when it is stopped.
  var end: TrainingSummary.End?

  /// The number of evaluations since the best one.
  var evaluationsWithoutBest: Int { evaluations.count - 1 - (best ?? -1) }

  /// Records an evaluation at the current step.
  ///
  /// - Returns: whether it is the best so far.
  mutating func add(_ result: EvaluationResult, epoch: Int) -> Bool {
    evaluations.append(EvaluationReport(step: step, epoch: epoch, result: result))
    let isBest = best.map { result.isBetter(than: evaluations[$0].result) } ?? !result.primary.value.isNaN
    if isBest { best = evaluations.count - 1 }
    return isBest
  }
}

extension RunState {
  var object: JSONValue {
    var members: [String: JSONValue] = [
      "step": .integer(step), "epoch": .integer(epoch), "batch": .integer(batch), "batches": .integer(batches),
      "tokens": .integer(tokens), "seconds": .exact(seconds), "loss": .exact(Double(loss)),
      "evaluations": .array(evaluations.map(\.object)),
    ]
    members["best"] = best.map { .integer($0) }
    members["end"] = end.map { .string($0.rawValue) }
    return .object(members)
  }

  /// - Throws: ``ConfigurationError`` for anything that ``object`` would not produce.
  init(_ value: JSONValue, file: String) throws(ConfigurationError) {
    let fields = try ConfigurationFields(value, file: file)
    step = try fields.count("step")
    epoch = try fields.count("epoch")
    batch = try fields.count("batch")
    batches = try fields.count("batches")
    tokens = try fields.count("tokens")
    guard let seconds = try fields.number("seconds") else { throw .missing(key: "seconds", file: file) }
    self.seconds = seconds
    loss = Float(try fields.exact("loss"))
    for element in try fields.list("evaluations") {
      evaluations.append(try EvaluationReport(element, file: file))
    }
    best = evaluations.isEmpty ? nil : try fields.integer("best", in: 0...evaluations.count - 1)
    if let name = try fields.string("end") {
      guard let end = TrainingSummary.End(rawValue: name) else {
        throw fields.impossible("end", "'\(name)'", "the end of a run")
      }
      self.end = end
    }
  }
}

extension EvaluationReport {
  var object: JSONValue {
    .object([
      "step": .integer(step), "epoch": .integer(epoch), "primary": .string(result.primary.name),
      "is_loss": .bool(result.isLoss),
      "metrics": .array(result.metrics.map { .array([.string($0.name), .exact($0.value)]) }),
    ])
  }

  init(_ value: JSONValue, file: String) throws(ConfigurationError) {
    let fields = try ConfigurationFields(value, file: file)
    var metrics: [EvaluationResult.Metric] = []
    for element in try fields.list("metrics") {
      guard case .array(let pair) = element, pair.count == 2, case .string(let name) = pair[0],
        let value = pair[1].exactDouble
      else { throw fields.impossible("metrics", element.kind, "pairs of a name and a number") }
      guard !metrics.contains(where: { $0.name == name }) else {
        throw fields.impossible("metrics", "'\(name)' twice", "metrics of different names")
      }
      metrics.append(EvaluationResult.Metric(name, value))
    }
    guard let primary = try fields.string("primary"), metrics.contains(where: { $0.name == primary }) else {
      throw fields.impossible("primary", "no metric", "the name of a metric")
    }
    step = try fields.count("step")
    epoch = try fields.count("epoch")
    result = EvaluationResult(metrics, primary: primary, isLoss: try fields.bool("is_loss") ?? false)
  }
}

extension JSONValue {
  /// A number that reads back with the same bits, as a string if JSON cannot represent it.
  static func exact(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .string("\(value)") }

  /// The inverse of ``exact(_:)``.
  var exactDouble: Double? {
    if case .string(let text) = self { return Double(text) }
    return double
  }
}

extension ConfigurationFields {
  /// A required integer from 0, small enough for a run to increment.
  fileprivate func count(_ key: String) throws(ConfigurationError) -> Int {
    guard let count = try integer(key, in: 0...1 << 53) else { throw .missing(key: key, file: file) }
    return count
  }

  fileprivate func exact(_ key: String) throws(ConfigurationError) -> Double {
    guard let number = try value(key, "a number", as: \.exactDouble) else { throw .missing(key: key, file: file) }
    return number
  }

  fileprivate func list(_ key: String) throws(ConfigurationError) -> [JSONValue] {
    let list = try value(key, "a list") { if case .array(let elements) = $0 { elements } else { nil } }
    guard let list else { throw .missing(key: key, file: file) }
    return list
  }
}
