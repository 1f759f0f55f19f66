import AdapterHost
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import ServiceLifecycle

extension ServerApp {
  /// All routes.
  static var routes: [Route] {
    StatusRoutes.all + TEIRoutes.all + OpenAIRoutes.all + InferRoutes.all + PredictRoutes.all + PageRoutes.all
  }

  /// The routes as a Hummingbird router.
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

  /// The application, ready to run.
  ///
  /// - Parameter onRunning: called with the port once the server accepts requests.
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

/// Shuts down the engine after the last response.
private struct EngineLifetime: ServiceLifecycle.Service {
  let engine: Engine

  func run() async throws {
    try? await gracefulShutdown()
    await engine.end()
  }
}

/// The context of a request.
struct ServerContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    channel = source.channel
  }
}

/// Handles requests that match no route.
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
