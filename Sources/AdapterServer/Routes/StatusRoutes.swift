import AdapterHost
import HTTPTypes

/// Health and metrics, for monitoring.
enum StatusRoutes {
  static let all: [Route] =
    ["health", "ping"].map { path in Route(.get, path, access: .anyone) { _ in .empty } } + [
      Route(.get, "metrics", access: .anyone) { call in
        Reply(
          text: call.app.metrics.text(call.app.service), contentType: "text/plain; version=0.0.4; charset=utf-8")
      },
      Route(.get, "v2/health/live", access: .anyone) { _ in Reply(json: #"{"live": true}"#) },
      Route(.get, "v2/health/ready", access: .anyone) { _ in Reply(json: #"{"ready": true, "live": true}"#) },
      Route(.get, "api/status") { call in status(call) },
    ]

  /// The queue status, for the page.
  private static func status(_ call: Call) -> Reply {
    let engine = call.app.service.engine
    let queued = engine.queuedTokens
    let residents = engine.residentAdapters
    return Reply(
      json: JSONLine.object([
        ("queued_tokens", "\(queued.values.reduce(0, +))"),
        ("interactive_tokens", "\(queued[.interactive] ?? 0)"), ("bulk_tokens", "\(queued[.bulk] ?? 0)"),
        ("queue_limit", "\(engine.queueLimit)"), ("pass_budget", "\(engine.budget)"),
        ("adapters_resident", "\(residents.count)"), ("adapter_bytes", "\(residents.bytes)"),
        ("adapter_loads", "\(residents.loads)"),
        ("tokens_per_second", "\(Int(1 / max(engine.cost.perToken.seconds, 1e-9)))"),
      ]))
  }
}
