import AdapterHost
import Foundation
import FoundationNetworking
import Glibc
import Logging
import ServiceLifecycle
import TestSupport

@testable import AdapterServer

/// A server on a port of its own, and a client.
struct TestServer: Sendable {
  let port: Int
  private let task: Task<Void, any Error>

  /// The shipped base and registry, without keys.
  static let shared = Task { try await TestServer() }

  init(_ change: (inout ServerSettings) -> Void = { _ in }) async throws {
    var settings = ServerSettings()
    settings.port = 0
    settings.workspace.registry = Fixtures.root.appending(path: "registry.sqlite").path
    change(&settings)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let app = try ServerApp(settings, logger: logger)
    let (ports, running) = AsyncStream<Int>.makeStream()
    let application = app.application { port in running.yield(port) }
    task = Task { try await application.run() }
    port = await ports.first { _ in true } ?? 0
  }

  func stop() { task.cancel() }

  struct Answer: Sendable {
    let status: Int
    let headers: [String: String]
    let data: Data

    var text: String { String(decoding: data, as: UTF8.self) }

    var json: JSONValue { get throws { try JSONValue(data, file: "the answer") } }

    func member(_ names: String...) throws -> JSONValue? {
      try names.reduce(json as JSONValue?) { value, name in
        switch value {
        case .object(let members)?: members[name]
        case .array(let elements)?: Int(name).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
        default: nil
        }
      }
    }
  }

  func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
    try await send("GET", path, nil, headers)
  }

  func post(_ path: String, _ body: String, _ headers: [String: String] = [:]) async throws -> Answer {
    try await send("POST", path, Data(body.utf8), headers)
  }

  func send(_ method: String, _ path: String, _ body: Data?, _ headers: [String: String] = [:]) async throws -> Answer {
    guard let url = URL(string: "http://127.0.0.1:\(port)\(path)") else { throw URLError(.badURL) }
    var request = URLRequest(url: url)
    request.httpMethod = method
    request.httpBody = body
    request.setValue("*/*", forHTTPHeaderField: "Accept")
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    let (data, response) = try await URLSession.shared.data(for: request)
    guard let http = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
    let fields = http.allHeaderFields.map { ("\($0.key)".lowercased(), "\($0.value)") }
    return Answer(status: http.statusCode, headers: Dictionary(fields) { $1 }, data: data)
  }

  /// Sends a request and closes the connection without reading the answer.
  func abandon(_ path: String, _ body: String) {
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(client) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(client, $0, size) == 0 }
    }
    guard isConnected else { return }
    var text = "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    text.withUTF8 { bytes in
      var sent = 0
      while sent < bytes.count {
        let count = write(client, bytes.baseAddress?.advanced(by: sent), bytes.count - sent)
        if count <= 0 { return }
        sent += count
      }
    }
  }
}
