public import Checkpoints

/// The metrics of a task, in display order.
public struct EvaluationResult: Sendable, Hashable {
  public struct Metric: Sendable, Hashable {
    public let name: String
    public let value: Double

    public init(_ name: String, _ value: Double) {
      self.name = name
      self.value = value
    }
  }

  public private(set) var metrics: [Metric]
  /// The metric by which models are compared.
  public let primary: Metric
  /// Whether lower is better, as for a loss.
  public let isLoss: Bool

  /// - Parameters:
  ///   - metrics: with distinct names.
  ///   - primary: the name of one of them.
  ///   - isLoss: whether a lower value of it is better.
  public init(_ metrics: [Metric], primary: String, isLoss: Bool = false) {
    guard let first = metrics.first(where: { $0.name == primary }) else {
      preconditionFailure("'\(primary)' is none of the metrics \(metrics.map(\.name))")
    }
    precondition(Set(metrics.map(\.name)).count == metrics.count, "two metrics have one name")
    self.metrics = metrics
    self.primary = first
    self.isLoss = isLoss
  }

  /// The value of a metric; nil if there is none with this name.
  public subscript(name: String) -> Double? { metrics.first { $0.name == name }?.value }

  /// Adds a metric, or replaces the one with its name.
  ///
  /// The primary metric is unchanged.
  public mutating func set(_ name: String, _ value: Double) {
    precondition(name != primary.name, "the primary metric '\(name)' is given")
    if let place = metrics.firstIndex(where: { $0.name == name }) {
      metrics[place] = Metric(name, value)
    } else {
      metrics.append(Metric(name, value))
    }
  }

  /// The same metrics with another primary one; nil if there is none with this name.
  public func ranked(by name: String) -> EvaluationResult? {
    guard self[name] != nil else { return nil }
    return EvaluationResult(metrics, primary: name, isLoss: Self.losses.contains(name))
  }

  /// The metrics for which lower is better.
  private static let losses: Set = ["loss", "perplexity", "mean_squared_error", "mean_absolute_error"]

  /// Whether the primary metric is better than another's.
  ///
  /// NaN is worse than any number.
  public func isBetter(than other: EvaluationResult) -> Bool {
    if primary.value.isNaN || other.primary.value.isNaN { return !primary.value.isNaN }
    return isLoss ? primary.value < other.primary.value : primary.value > other.primary.value
  }

  /// An object of all metrics by name; NaN becomes null.
  public var json: JSONValue {
    .object(Dictionary(uniqueKeysWithValues: metrics.map { ($0.name, $0.value.isFinite ? .number($0.value) : .null) }))
  }
}
