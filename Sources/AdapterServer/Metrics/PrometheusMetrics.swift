import Metrics
import Synchronization

/// Counters, gauges and histograms of swift-metrics in the Prometheus text format.
final class PrometheusMetrics: MetricsFactory {
  /// The name and meaning of a metric.
  struct Description: Sendable {
    let help: String
    /// The upper bounds of a histogram.
    var bounds: [Double] = []
  }

  private let descriptions: [String: Description]
  private let series = Mutex<[String: [String: Series]]>([:])

  init(_ descriptions: [String: Description]) { self.descriptions = descriptions }

  private func handler(
    _ kind: Series.Kind, _ label: String, _ dimensions: [(String, String)]
  ) -> Series {
    let name = label.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
    let labels = dimensions.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    return series.withLock { series in
      if let known = series[String(name)]?[labels] { return known }
      let made = Series(kind, bounds: descriptions[String(name)]?.bounds ?? [])
      series[String(name), default: [:]][labels] = made
      return made
    }
  }

  static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  /// All metrics, by name.
  var text: String {
    let all = series.withLock { $0 }
    return all.keys.sorted().map { name -> String in
      let own = all[name] ?? [:]
      let kind = own.values.first?.kind.rawValue ?? "untyped"
      let head = "# HELP \(name) \(descriptions[name]?.help ?? name)\n# TYPE \(name) \(kind)\n"
      return head + own.keys.sorted().map { own[$0]?.text(name, labels: $0) ?? "" }.joined()
    }.joined()
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    handler(.counter, label, dimensions)
  }

  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    handler(.counter, label, dimensions)
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    handler(.gauge, label, dimensions)
  }

  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    handler(aggregate ? .histogram : .gauge, label, dimensions)
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    handler(.histogram, label, dimensions)
  }

  // Series live until the process exits.
  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyMeter(_ handler: any MeterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}
}

/// One metric with one set of labels.
final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
  enum Kind: String, Sendable { case counter, gauge, histogram }

  private struct State {
    var value = 0.0
    var count = 0
    var buckets: [Int]
  }

  let kind: Kind
  private let bounds: [Double]
  private let state: Mutex<State>

  init(_ kind: Kind, bounds: [Double]) {
    self.kind = kind
    self.bounds = bounds
    state = Mutex(State(buckets: Array(repeating: 0, count: bounds.count)))
  }

  func increment(by amount: Int64) { increment(by: Double(amount)) }
  func increment(by amount: Double) { state.withLock { $0.value += amount } }
  func decrement(by amount: Double) { increment(by: -amount) }
  func reset() { state.withLock { $0.value = 0 } }
  func set(_ value: Int64) { set(Double(value)) }
  func set(_ value: Double) { state.withLock { $0.value = value } }
  func record(_ value: Int64) { record(Double(value)) }
  func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

  func record(_ value: Double) {
    guard kind == .histogram else { return set(value) }
    let place = bounds.firstIndex { value <= $0 }
    state.withLock { state in
      state.value += value
      state.count += 1
      if let place { state.buckets[place] += 1 }
    }
  }

  func text(_ name: String, labels: String) -> String {
    let state = state.withLock { $0 }
    func line(_ suffix: String, _ more: String, _ value: String) -> String {
      let all = [labels, more].filter { !$0.isEmpty }.joined(separator: ",")
      return "\(name)\(suffix)\(all.isEmpty ? "" : "{\(all)}") \(value)\n"
    }
    guard kind == .histogram else { return line("", "", "\(state.value)") }
    var sum = 0
    let buckets = zip(bounds, state.buckets).map { bound, count -> String in
      sum += count
      return line("_bucket", "le=\"\(bound)\"", "\(sum)")
    }
    return buckets.joined() + line("_bucket", "le=\"+Inf\"", "\(state.count)") + line("_sum", "", "\(state.value)")
      + line("_count", "", "\(state.count)")
  }
}
