/// A request to a server.
struct WebRequest: Sendable {
  var method = "GET"
  var address: WebAddress
  var headers: [WebHeader] = []
  var body = WebBody.none
  /// Whether the token is left out, even for the Hub.
  var isAnonymous = false

  init(_ method: String = "GET", _ address: WebAddress, headers: [WebHeader] = [], body: WebBody = .none) {
    (self.method, self.address, self.headers, self.body) = (method, address, headers, body)
  }
}

struct WebHeader: Hashable, Sendable {
  let name: String
  let value: String

  init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
}

/// What is sent along.
enum WebBody: Sendable {
  case none
  case bytes([UInt8])
  /// A part of a file.
  case file(path: String, offset: Int, count: Int)
}

/// The first part of an answer.
struct WebHead: Sendable {
  let status: Int
  let headers: [WebHeader]

  /// The value of a header.
  subscript(name: String) -> String? {
    let name = name.lowercased()
    return headers.first { $0.name.lowercased() == name }?.value
  }

  var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) }
  var isSuccess: Bool { (200..<300).contains(status) }
  var contentLength: Int? { self["content-length"].flatMap { Int($0) } }
  /// Whether the answer is a page for people.
  var isPage: Bool { self["content-type"]?.lowercased().hasPrefix("text/html") ?? false }
}

/// Takes an answer.
protocol WebReceiver {
  /// Takes the head of an answer.
  ///
  /// - Returns: whether to receive the body.
  mutating func begin(_ head: WebHead) throws -> Bool

  /// Takes the next bytes.
  mutating func take(_ bytes: UnsafeRawBufferPointer) throws
}

/// Sends requests, one at a time or several at once, and follows no redirects.
protocol WebTransport: Sendable {
  /// - Throws: ``WebFailure`` where the network fails; what the receiver throws.
  func send(_ request: WebRequest, to receiver: inout some WebReceiver) async throws -> WebHead
}

/// Why an answer did not arrive, or not wholly.
struct WebFailure: Error {
  let reason: String
}

/// An answer in memory.
struct WebAnswer: WebReceiver {
  /// The most bytes that are received.
  let limit: Int
  private(set) var bytes: [UInt8] = []

  init(limit: Int) { self.limit = limit }

  mutating func begin(_ head: WebHead) throws -> Bool {
    bytes = []
    return true
  }

  mutating func take(_ piece: UnsafeRawBufferPointer) throws {
    bytes += piece.prefix(limit + 1 - bytes.count)
    if bytes.count > limit { throw TooLong(limit: limit) }
  }

  struct TooLong: Error { let limit: Int }
}
