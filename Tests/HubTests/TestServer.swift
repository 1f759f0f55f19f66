import Foundation
import Glibc
import Synchronization

/// A request as a server received it.
struct ReceivedRequest: Sendable {
  let method: String
  /// Percent-decoded.
  let path: String
  let query: String
  let headers: [String: String]
  let body: [UInt8]

  var token: String? { headers["authorization"] }
  var host: String { headers["host"]?.split(separator: ":").first.map(String.init) ?? "" }
}

/// What a server answers.
struct TestAnswer: Sendable {
  var status = 200
  var headers: [String: String] = [:]
  var body: [UInt8] = []
  /// Closes the connection after so many bytes of the body, as many as it announces.
  var cut: Int?

  init(_ status: Int = 200, _ headers: [String: String] = [:], _ body: some Sequence<UInt8> = [], cut: Int? = nil) {
    (self.status, self.headers, self.body, self.cut) = (status, headers, Array(body), cut)
  }

  static func json(_ text: String, _ headers: [String: String] = [:]) -> TestAnswer {
    TestAnswer(200, headers.merging(["Content-Type": "application/json"]) { $1 }, text.utf8)
  }

  static let page = TestAnswer(
    200, ["Content-Type": "text/html"], "<!DOCTYPE html><html>Log in to the guest network</html>".utf8)
}

/// Requests in the order in which they came.
private final class RequestLog: Sendable {
  let requests = Mutex<[ReceivedRequest]>([])
}

/// An HTTP server on 127.0.0.1, which is `localhost`, too: one request a connection.
final class TestServer: Sendable {
  let port: Int
  private let listener: Int32
  private let received: RequestLog

  /// - Parameter answer: is called on a thread of its own for each request.
  init(_ answer: @escaping @Sendable (ReceivedRequest) -> TestAnswer) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, pointer, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.EADDRNOTAVAIL) }
    (listener, port) = (descriptor, Int(UInt16(bigEndian: address.sin_port)))
    let received = RequestLog()
    self.received = received
    Thread.detachNewThread {
      while true {
        let connection = accept(descriptor, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread {
          defer { close(connection) }
          guard let request = Self.read(connection) else { return }
          received.requests.withLock { $0.append(request) }
          Self.write(answer(request), to: connection, isHead: request.method == "HEAD")
        }
      }
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  var address: String { "http://127.0.0.1:\(port)" }

  /// The requests so far.
  var log: [ReceivedRequest] { received.requests.withLock { $0 } }

  func clearLog() { received.requests.withLock { $0 = [] } }

  private static func read(_ connection: Int32) -> ReceivedRequest? {
    var bytes: [UInt8] = []
    func more() -> Bool {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = recv(connection, &buffer, buffer.count, 0)
      bytes += buffer.prefix(max(count, 0))
      return count > 0
    }
    let end = Array("\r\n\r\n".utf8)
    var headEnd: Int?
    while headEnd == nil {
      guard more() else { return nil }
      headEnd = (0...max(0, bytes.count - 4)).first { bytes[$0...].starts(with: end) }
    }
    guard let headEnd else { return nil }
    let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ").map(String.init)
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2 { headers[parts[0].lowercased()] = parts[1] }
    }
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while bytes.count < headEnd + 4 + length { guard more() else { return nil } }
    let target = words[1].split(separator: "?", maxSplits: 1).map(String.init)
    return ReceivedRequest(
      method: words[0], path: target[0].removingPercentEncoding ?? "", query: target.count > 1 ? target[1] : "",
      headers: headers, body: Array(bytes[(headEnd + 4)..<(headEnd + 4 + length)]))
  }

  private static func write(_ answer: TestAnswer, to connection: Int32, isHead: Bool) {
    var head = "HTTP/1.1 \(answer.status) Status\r\nConnection: close\r\n"
    if answer.headers["Content-Length"] == nil { head += "Content-Length: \(answer.body.count)\r\n" }
    for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
    let bytes = Array((head + "\r\n").utf8) + (isHead ? [] : answer.body.prefix(answer.cut ?? answer.body.count))
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}
