import AdapterHost
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// One request and its response: authorization, reading, cancellation, metrics and logging.
struct Exchange: Sendable {
  let app: ServerApp
  let route: Route
  /// The route's path, for logs.
  let path: String
  let request: Request
  let context: ServerContext
  private let start = ContinuousClock.now

  init(app: ServerApp, route: Route, path: String, request: Request, context: ServerContext) {
    self.app = app
    self.route = route
    self.path = path
    self.request = request
    self.context = context
  }

  private var requestID: String {
    let given = request.headers[.requestID] ?? request.headers[.traceID]
    return given.map { String($0.prefix(128)) } ?? UUID().uuidString.lowercased()
  }

  func response() async -> Response {
    let requestID = requestID
    var response: Response
    var reply: Reply?
    var failure: Failure?
    do {
      let answer = try await answer()
      reply = answer
      response = answer.response(total: ContinuousClock.now - start)
    } catch {
      let (family, cause) =
        (error as? FamilyError).map { ($0.family, $0.error) } ?? (Family(path: request.uri.path), error)
      let found = Failure(cause)
      failure = found
      response = found.response(family)
      if found == .unexpected {
        app.logger.error("unexpected", metadata: ["id": "\(requestID)", "error": "\(type(of: cause))"])
      }
      if response.headers[.connection] == "close" { closeSoon() }
    }
    response.headers[.requestID] = requestID.headerText
    if route.access != .anyone { record(reply, failure, response.status.code, requestID) }
    return response
  }

  /// Closes the connection after the response: the rest of the body is not read.
  private func closeSoon() {
    let channel = context.channel
    channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
  }

  private func record(_ reply: Reply?, _ failure: Failure?, _ status: Int, _ id: String) {
    let duration = ContinuousClock.now - start
    app.metrics.record(reply, failure, duration)
    var metadata: Logger.Metadata = [
      "id": "\(id)", "route": "\(route.method.rawValue) \(path)", "status": "\(status)",
      "ms": "\(duration.milliseconds)",
    ]
    if let setup = reply?.setup { metadata["adapter"] = "\(setup.name)" }
    if let timing = reply?.timing { metadata["tokens"] = "\(timing.tokens)" }
    if let trace = request.headers[.traceParent].flatMap(TraceParent.init) { metadata["trace"] = "\(trace.trace)" }
    if let failure { metadata["failure"] = "\(failure.metric ?? "refused")" }
    app.logger.info("request", metadata: metadata)
  }

  private func answer() async throws -> Reply {
    let caller = try caller()
    if case .key(let account) = caller, let seconds = account.wait() {
      throw Failure.quota(account, seconds: seconds)
    }
    let bytes = route.content == .none ? ByteBuffer() : try await collected()
    let (app, headers, segments, route) = (app, request.headers, segments, route)
    return try await app.connections.whileOpen(context.channel) {
      var body = Body()
      if route.content == .json {
        // A large body is not read on the few threads that events need.
        let isSmall = bytes.readableBytes <= 1 << 14
        body =
          isSmall
          ? try Body(Data(bytes.readableBytesView))
          : try await app.service.work { _ in try Body(Data(bytes.readableBytesView)) }
      }
      let call = Call(app: app, headers: headers, segments: segments, body: body, bytes: bytes, caller: caller)
      return try await route.handler(call)
    }
  }

  private var segments: [String] {
    (request.head.path ?? "").prefix { $0 != "?" }.split(separator: "/").map {
      $0.removingPercentEncoding ?? String($0)
    }
  }

  /// - Throws: `Failure.unauthorized`, `Failure.forbidden`, `Failure.noRoute`.
  private func caller() throws(Failure) -> Caller {
    let token = request.headers[.authorization].flatMap { header -> String? in
      let words = header.split(separator: " ", maxSplits: 1)
      return words.count == 2 && words[0].lowercased() == "bearer" ? String(words[1]) : nil
    }
    if let token, let admin = app.adminToken, admin.opens(token) { return .admin }
    switch route.access {
    case .anyone: return .anyone
    case .admin:
      guard app.adminToken != nil else { throw .noRoute("Adapters are loaded over HTTP only with --admin-token.") }
      if token == nil { throw .unauthorized(isAdmin: true) }
      throw .forbidden("This route needs the admin token.")
    case .callers:
      guard let keys = app.keys else { return .anyone }
      guard let token, let account = keys.account(token) else { throw .unauthorized(isAdmin: false) }
      return .key(account)
    }
  }

  /// Reads the body, within its size and time limits.
  private func collected() async throws -> ByteBuffer {
    let limit = app.settings.maximumBody
    if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
      throw Failure.tooLarge(limit: limit)
    }
    let (body, timeout) = (request.body, app.settings.idleTimeout)
    return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
      group.addTask {
        do { return try await body.collect(upTo: limit) } catch is NIOTooManyBytesError {
          throw Failure.tooLarge(limit: limit)
        }
      }
      group.addTask {
        try await Task.sleep(for: timeout)
        throw Failure.slow("The body did not arrive within \(timeout.components.seconds) seconds.")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? ByteBuffer()
    }
  }
}
