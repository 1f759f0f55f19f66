#if Hub
  internal import AsyncHTTPClient
  internal import Files
  internal import NIOCore
  internal import NIOHTTP1

  /// The network, by async-http-client.
  final class NetworkTransport: WebTransport {
    private let proxies: ProxySettings
    /// One for each proxy, and one without.
    private let clients: [WebAddress?: HTTPClient]

    init(_ proxies: ProxySettings) {
      self.proxies = proxies
      let all = Set<WebAddress?>([nil]).union(proxies.all)
      clients = Dictionary(
        uniqueKeysWithValues: all.map { proxy in
          (proxy, HTTPClient(eventLoopGroupProvider: .singleton, configuration: Self.configuration(proxy: proxy)))
        })
    }

    deinit { for client in clients.values { client.shutdown { _ in } } }

    private static func configuration(proxy: WebAddress?) -> HTTPClient.Configuration {
      var configuration = HTTPClient.Configuration(
        redirectConfiguration: .disallow,
        timeout: .init(connect: .seconds(15), read: .seconds(60), write: .seconds(60)), decompression: .disabled)
      configuration.proxy = proxy.map { .server(host: $0.host, port: $0.port) }
      // A failed connection is reported; when to try again is decided above.
      configuration.connectionPool.retryConnectionEstablishment = false
      configuration.httpVersion = .http1Only
      return configuration
    }

    func send(_ request: WebRequest, to receiver: inout some WebReceiver) async throws -> WebHead {
      var sent = HTTPClientRequest(url: request.address.text)
      sent.method = HTTPMethod(rawValue: request.method)
      for header in request.headers { sent.headers.add(name: header.name, value: header.value) }
      switch request.body {
      case .none: break
      case .bytes(let bytes): sent.body = .bytes(ByteBuffer(bytes: bytes))
      case .file(let path, let offset, let count):
        sent.body = .stream(FilePieces(path: path, offset: offset, count: count), length: .known(Int64(count)))
      }
      guard let client = clients[proxies.proxy(for: request.address)] else { throw WebFailure(reason: "no proxy") }
      let response: HTTPClientResponse
      do { response = try await client.execute(sent, timeout: .hours(12)) } catch { throw Self.failure(error) }
      let head = WebHead(
        status: Int(response.status.code), headers: response.headers.map { WebHeader($0.name, $0.value) })
      guard try receiver.begin(head) else { return head }
      var pieces = response.body.makeAsyncIterator()
      while true {
        let piece: ByteBuffer?
        do { piece = try await pieces.next() } catch { throw Self.failure(error) }
        guard let piece else { return head }
        try piece.withUnsafeReadableBytes { bytes in try receiver.take(bytes) }
      }
    }

    private static func failure(_ error: any Error) -> any Error {
      if error is CancellationError || error is FileError { return error }
      let reason =
        switch error {
        case let error as HTTPClientError where error == .connectTimeout: "no answer within 15 seconds"
        case let error as HTTPClientError where error == .readTimeout: "nothing came for 60 seconds"
        case let error as HTTPClientError where error == .remoteConnectionClosed: "the connection was closed too early"
        case let error as HTTPClientError: "\(error.shortDescription)"
        default: "\(error)"
        }
      return WebFailure(reason: reason)
    }
  }

  /// A part of a file in pieces of 256 KiB.
  private struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let path: String
    let offset, count: Int

    struct AsyncIterator: AsyncIteratorProtocol {
      let path: String
      var offset, left: Int

      mutating func next() async throws -> ByteBuffer? {
        guard left > 0 else { return nil }
        let bytes = try ReadFile(path).bytes(at: offset, count: Swift.min(left, 1 << 18))
        offset += bytes.count
        left -= bytes.count
        return ByteBuffer(bytes: bytes)
      }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(path: path, offset: offset, left: count) }
  }
#endif
