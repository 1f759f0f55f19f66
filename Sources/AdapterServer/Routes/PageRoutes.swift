import HTTPTypes
import Hummingbird

/// The browser page, and the OpenAPI description.
enum PageRoutes {
  static let all: [Route] = [
    // Only for browsers: other clients use it as a health check.
    Route(.get, "", access: .anyone) { call in
      guard call.headers[.accept]?.contains("text/html") ?? false else { return .empty }
      return file(PackageResources.page_html, "text/html; charset=utf-8")
    },
    Route(.get, "page/style.css", access: .anyone) { _ in file(PackageResources.page_css, "text/css; charset=utf-8") },
    Route(.get, "page/script.js", access: .anyone) { _ in
      file(PackageResources.page_js, "text/javascript; charset=utf-8")
    },
    Route(.get, "openapi.json", access: .anyone) { _ in file(PackageResources.openapi_json, "application/json") },
  ]

  private static func file(_ bytes: [UInt8], _ type: String) -> Reply {
    var reply = Reply(bytes: bytes, contentType: type)
    reply.headers[.contentSecurityPolicy] =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
      + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    reply.headers[.xContentTypeOptions] = "nosniff"
    reply.headers[.cacheControl] = "no-cache"
    return reply
  }
}
