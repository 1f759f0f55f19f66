import HTTPTypes

/// A route, its handler, and its access level.
struct Route: Sendable {
  enum Access: Sendable {
    /// Health, metrics and the page.
    case anyone
    /// Clients with a key, if keys are configured.
    case callers
    /// Clients with the admin token; disabled without one.
    case admin
  }

  /// The required type of body.
  enum Content: Sendable { case json, anything, none }

  let method: HTTPRequest.Method
  /// The paths of the route, in OpenAPI syntax.
  let paths: [String]
  let access: Access
  let content: Content
  let handler: @Sendable (Call) async throws -> Reply

  /// - Parameter isPerAdapter: whether the path also exists below `/a/{name}`.
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

extension Route {
  /// Its methods and paths, such as `GET /info`.
  var names: [String] { paths.map { "\(method.rawValue) \($0)" } }

  /// Whether a request's path matches this route.
  func matches(_ path: String) -> Bool {
    let own = path.split(separator: "/")
    return paths.contains { pattern in
      let parts = pattern.split(separator: "/")
      return parts.count == own.count && zip(parts, own).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
  }
}
