import AdapterHost
import Foundation
import HTTPTypes
import Hummingbird

/// A route's reply: the body, the setup that produced it, and timings.
struct Reply: Sendable {
  var body: ByteBuffer
  var contentType = "application/json"
  var status = HTTPResponse.Status.ok
  var headers: HTTPFields = [:]
  /// The setup used; echoed in headers.
  var setup: ServedSetup?
  var timing: TextService.Timing?
  /// The number of input characters.
  var characters = 0
  /// Whether the request was a list.
  var isBatch = false

  init(json: String, _ setup: ServedSetup? = nil, _ timing: TextService.Timing? = nil) {
    body = ByteBuffer(string: json)
    self.setup = setup
    self.timing = timing
  }

  init(text: String, contentType: String) {
    body = ByteBuffer(string: text)
    self.contentType = contentType
  }

  init(bytes: [UInt8], contentType: String) {
    body = ByteBuffer(bytes: bytes)
    self.contentType = contentType
  }

  static var empty: Reply {
    var reply = Reply(text: "", contentType: "text/plain; charset=utf-8")
    reply.body = ByteBuffer()
    return reply
  }

  /// - Parameter total: the time since the request began.
  func response(total: Duration) -> Response {
    var headers = headers
    headers[.contentType] = contentType
    if let setup {
      headers[.adapter] = setup.name.headerText
      headers[.adapterDigest] = setup.digest
    }
    if let timing {
      headers[.computeType] = "cpu"
      headers[.computeTime] = "\(total.milliseconds)"
      headers[.computeCharacters] = "\(characters)"
      headers[.computeTokens] = "\(timing.tokens)"
      headers[.totalTime] = "\(total.milliseconds)"
      headers[.tokenizationTime] = "\(timing.tokenization.milliseconds)"
      headers[.queueTime] = "\(timing.queued.milliseconds)"
      headers[.inferenceTime] = "\(timing.computed.milliseconds)"
    }
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
  }
}

extension Duration {
  var milliseconds: Int { Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000) }

  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

extension String {
  /// The text as a header value: percent-encoded except for printable ASCII.
  var headerText: String {
    utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "%") }
      ? self : addingPercentEncoding(withAllowedCharacters: .urlQueryAllowed) ?? ""
  }
}

extension HTTPField.Name {
  private static func named(_ name: String) -> Self { Self(name) ?? .contentType }

  static let adapter = named("x-adapter")
  static let adapterDigest = named("x-adapter-digest")
  static let head = named("x-head")
  static let priority = named("x-priority")
  static let requestTimeout = named("x-request-timeout-ms")
  static let requestID = named("x-request-id")
  static let traceID = named("x-amzn-trace-id")
  static let traceParent = named("traceparent")
  static let inferenceHeaderLength = named("inference-header-content-length")
  static let computeType = named("x-compute-type")
  static let computeTime = named("x-compute-time")
  static let computeCharacters = named("x-compute-characters")
  static let computeTokens = named("x-compute-tokens")
  static let totalTime = named("x-total-time")
  static let tokenizationTime = named("x-tokenization-time")
  static let queueTime = named("x-queue-time")
  static let inferenceTime = named("x-inference-time")
}
