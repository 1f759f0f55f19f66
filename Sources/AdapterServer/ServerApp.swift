import AdapterHost
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// What all requests share.
struct ServerApp: Sendable {
  let service: TextService
  let settings: ServerSettings
  let keys: Keys?
  let adminToken: AdminToken?
  let metrics: ServerMetrics
  let logger: Logger
  /// The threads that compute.
  let threads: Int
  let connections = Connections()
  /// Folders below which adapters may be loaded, links resolved.
  private let adapterRoots: [String]

  /// Loads the base model and measures it; this is the warm pass.
  ///
  /// - Throws: what loading throws; `KeyFileError`.
  init(_ settings: ServerSettings, logger: Logger) throws {
    self.settings = settings
    self.logger = logger
    keys = try settings.apiKeys.map { try Keys(file: $0) }
    adminToken = try settings.adminToken.map { try AdminToken(file: $0) }
    let workspace = try Workspace(settings.workspace)
    let metrics = ServerMetrics()
    self.metrics = metrics
    let compute = Compute(threads: settings.threads)
    threads = compute.threads.width
    service = try TextService(
      workspace, compute: compute, limits: settings.limits, workers: settings.workers,
      observer: { metrics.record($0) })
    let beside = RegistryLocation(given: settings.workspace.registry).path.map {
      URL(filePath: $0).deletingLastPathComponent().appending(path: "Adapters").path
    }
    adapterRoots = (settings.adapterRoots + [beside].compactMap { $0 }).map {
      URL(filePath: $0).resolvingSymlinksInPath().path
    }
  }

  /// The folder that a client names, if adapters may be loaded from there.
  ///
  /// - Throws: `Failure`.
  func allowedFolder(_ path: String) throws(Failure) -> String {
    let candidates = path.hasPrefix("/") ? [path] : adapterRoots.map { $0 + "/" + path }
    for candidate in candidates {
      let resolved = URL(filePath: candidate).resolvingSymlinksInPath().standardizedFileURL.path
      guard adapterRoots.contains(where: { resolved.hasPrefix($0 + "/") }) else { continue }
      if FileManager.default.fileExists(atPath: resolved) { return resolved }
    }
    throw .unknown(
      "No adapter is at '\(path)' below a folder that adapters may be loaded from.", parameter: "lora_path")
  }

  // MARK: Routes

  /// All routes.
  static var routes: [Route] {
    StatusRoutes.all + TEIRoutes.all + OpenAIRoutes.all + InferRoutes.all + PredictRoutes.all + PageRoutes.all
  }

  /// The routes as Hummingbird runs them.
  func router() -> Router<ServerContext> {
    let router = Router(context: ServerContext.self)
    router.add(middleware: Unrouted(app: self))
    for route in Self.routes {
      for path in route.paths {
        router.on(RouterPath(path), method: route.method) { request, context in
          await Exchange(app: self, route: route, path: path, request: request, context: context).response()
        }
      }
    }
    return router
  }

  /// The server, ready to run.
  ///
  /// - Parameter onRunning: is called with the port once requests are taken.
  func application(
    onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
  ) -> some ApplicationProtocol {
    let connections = connections
    let seconds = Int64(settings.idleTimeout.components.seconds)
    var configuration = ApplicationConfiguration(
      address: .hostname(settings.host, port: settings.port), serverName: "adapter-server/\(ProgramVersion.current)")
    configuration.availableConnectionsDelegate = MaximumAvailableConnections(settings.maximumConnections)
    return Application(
      router: router(),
      server: .http1(
        configuration: HTTP1Channel.Configuration(
          additionalChannelHandlers: [ConnectionWatch(connections, headTimeout: .seconds(seconds))],
          idleTimeout: .seconds(seconds),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 16_384, maxHeaderListSize: 65_536, maxHeaderFieldCount: 200))),
      configuration: configuration, services: [EngineLifetime(engine: service.engine)],
      onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
  }
}

/// Ends the engine after the last answer.
private struct EngineLifetime: ServiceLifecycle.Service {
  let engine: Engine

  func run() async throws {
    try? await gracefulShutdown()
    await engine.end()
  }
}

/// What a request carries through the routes.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// A route, its handler, and who may use it.
struct Route: Sendable {
  enum Access: Sendable {
    /// Health, metrics and the page.
    case anyone
    /// Whoever has a key, where keys are set.
    case callers
    /// Whoever has the admin token; absent without one.
    case admin
  }

  /// What a body has to be.
  enum Content: Sendable { case json, anything, none }

  let method: HTTPRequest.Method
  /// The paths that lead here, as OpenAPI writes them.
  let paths: [String]
  let access: Access
  let content: Content
  let handler: @Sendable (Call) async throws -> Reply

  /// - Parameter isPerAdapter: whether the path stands below `/a/{name}`, too.
  init(
    _ method: HTTPRequest.Method, _ path: String, isPerAdapter: Bool = false, access: Access = .callers,
    content: Content? = nil, _ handler: @escaping @Sendable (Call) async throws -> Reply
  ) {
    self.method = method
    paths = ["/" + path] + (isPerAdapter ? ["/a/{name}" + (path.isEmpty ? "" : "/" + path)] : [])
    self.access = access
    self.content = content ?? (method == .post ? .json : .none)
    self.handler = handler
  }
}

/// Answers what no route takes.
struct Unrouted: RouterMiddleware {
  typealias Context = ServerContext
  let app: ServerApp

  func handle(
    _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
  ) async throws -> Response {
    do { return try await next(request, context) } catch let error as HTTPError where error.status == .notFound {
      let path = request.uri.path
      let methods = Set(ServerApp.routes.filter { $0.matches(path) }.map(\.method.rawValue)).sorted()
      let family = Family(path: path)
      guard !methods.isEmpty else {
        return Failure.noRoute("There is no route \(request.method) \(path).").response(family)
      }
      var response = Failure.noRoute("This route takes \(methods.joined(separator: " and ")) only.").response(family)
      response.status = .methodNotAllowed
      response.headers[.allow] = methods.joined(separator: ", ")
      return response
    }
  }
}

extension Route {
  /// Its methods and paths, such as `GET /info`.
  var names: [String] { paths.map { "\(method.rawValue) \($0)" } }

  /// Whether a request's path leads here.
  func matches(_ path: String) -> Bool {
    let own = path.split(separator: "/")
    return paths.contains { pattern in
      let parts = pattern.split(separator: "/")
      return parts.count == own.count && zip(parts, own).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
  }
}
