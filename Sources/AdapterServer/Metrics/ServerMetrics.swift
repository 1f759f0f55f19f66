import AdapterHost
import Metrics
import Synchronization

/// The metrics: those of text-embeddings-inference under their names, and others with the prefix `ah_`.
struct ServerMetrics: Sendable {
  private static let times = (0..<35).map { 1.5e-5 * power(1.5, $0) }
  private static let counts = (0..<17).map { power(2, $0) }

  private static func power(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }

  private let factory = PrometheusMetrics([
    "te_request_count": .init(help: "Requests, by whether they are a batch."),
    "te_request_success": .init(help: "Requests that were answered."),
    "te_request_failure": .init(help: "Requests that were not answered, by the reason."),
    "te_request_duration": .init(help: "Seconds from request to answer.", bounds: times),
    "te_request_tokenization_duration": .init(help: "Seconds of tokenization.", bounds: times),
    "te_request_queue_duration": .init(help: "Seconds in the queue.", bounds: times),
    "te_request_inference_duration": .init(help: "Seconds in passes.", bounds: times),
    "te_batch_next_size": .init(help: "Rows of a pass.", bounds: counts),
    "te_batch_next_tokens": .init(help: "Tokens of a pass.", bounds: counts),
    "te_queue_size": .init(help: "Tokens that wait."),
    "ah_batch_tokens": .init(help: "Tokens of a pass.", bounds: counts),
    "ah_batch_adapters": .init(help: "Compositions of a pass.", bounds: counts),
    "ah_queue_tokens": .init(help: "Tokens that wait, by class."),
    "ah_adapters_resident": .init(help: "Adapters that were loaded on demand and are in memory."),
    "ah_adapter_resident_bytes": .init(help: "Their bytes."),
    "ah_adapter_loads": .init(help: "Loads of adapters since the start."),
    "ah_adapter_load_seconds": .init(help: "Seconds of a load of adapters.", bounds: times),
    "ah_pass_seconds": .init(help: "Seconds of a pass.", bounds: times),
  ])
  private let adapters = AdapterCounts()

  /// Records an engine event.
  func record(_ event: EngineEvent) {
    switch event {
    case .pass(let pass): record(pass)
    case .load(let duration): time("ah_adapter_load_seconds", duration)
    }
  }

  private func record(_ pass: EnginePass) {
    Recorder(label: "te_batch_next_size", factory: factory).record(pass.rows)
    Recorder(label: "te_batch_next_tokens", factory: factory).record(pass.tokens)
    Recorder(label: "ah_batch_tokens", factory: factory).record(pass.tokens)
    Recorder(label: "ah_batch_adapters", factory: factory).record(pass.compositions)
    time("ah_pass_seconds", pass.duration)
  }

  /// Records the end of a request.
  func record(_ reply: Reply?, _ failure: Failure?, _ duration: Duration) {
    let method = [("method", reply?.isBatch ?? false ? "batch" : "single")]
    Counter(label: "te_request_count", dimensions: method, factory: factory).increment()
    if let reply {
      Counter(label: "te_request_success", dimensions: method, factory: factory).increment()
      if let name = reply.setup?.name { adapters.add(name) }
      if let timing = reply.timing {
        time("te_request_duration", duration)
        time("te_request_tokenization_duration", timing.tokenization)
        time("te_request_queue_duration", timing.queued)
        time("te_request_inference_duration", timing.computed)
      }
    }
    if let reason = failure?.metric {
      Counter(label: "te_request_failure", dimensions: [("err", reason)], factory: factory).increment()
    }
  }

  private func time(_ name: String, _ duration: Duration) {
    Timer(label: name, factory: factory).recordNanoseconds(Int64(duration.seconds * 1e9))
  }

  /// All metrics in the Prometheus text format.
  func text(_ service: TextService) -> String {
    let queued = service.engine.queuedTokens
    Meter(label: "te_queue_size", factory: factory).set(queued.values.reduce(0, +))
    for (service, tokens) in queued {
      Meter(label: "ah_queue_tokens", dimensions: [("class", service.rawValue)], factory: factory).set(tokens)
    }
    let residents = service.engine.residentAdapters
    Meter(label: "ah_adapters_resident", factory: factory).set(residents.count)
    Meter(label: "ah_adapter_resident_bytes", factory: factory).set(residents.bytes)
    Meter(label: "ah_adapter_loads", factory: factory).set(residents.loads)
    return factory.text + adapters.text
  }
}

/// Request counts per adapter; the 50 largest are reported.
private final class AdapterCounts: Sendable {
  private let counts = Mutex<[String: Int]>([:])

  func add(_ name: String) {
    counts.withLock { counts in
      // Clients can request arbitrarily many compositions.
      if counts.count < 10_000 || counts[name] != nil { counts[name, default: 0] += 1 }
    }
  }

  var text: String {
    let top = counts.withLock { $0 }.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(50)
    guard !top.isEmpty else { return "" }
    return "# HELP ah_adapter_requests_total Requests that an adapter answered, of the 50 that answered most.\n"
      + "# TYPE ah_adapter_requests_total counter\n"
      + top.map { "ah_adapter_requests_total{adapter=\"\(PrometheusMetrics.escaped($0.key))\"} \($0.value)\n" }.joined()
  }
}
