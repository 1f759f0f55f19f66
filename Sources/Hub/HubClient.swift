internal import Checkpoints
internal import FoundationEssentials

/// Speaks to the Hub: requests with a token for its own host, redirects, and another try where that may help.
struct HubClient: Sendable {
  let settings: HubSettings
  let transport: any WebTransport
  /// Waits before another try.
  let pause: @Sendable (Int) async throws -> Void

  /// How often a request that failed is tried again.
  static let retries = 4
  /// The longest wait in seconds that a server may ask for; beyond it the error says how long.
  static let longestWait = 60
  private static let redirects = 10
  private static let answerLimit = 64 << 20
  private static let messageLimit = 1 << 16

  init(
    _ settings: HubSettings, _ transport: any WebTransport,
    pause: @escaping @Sendable (Int) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }
  ) {
    (self.settings, self.transport, self.pause) = (settings, transport, pause)
  }

  /// A place of the Hub.
  func place(_ parts: [String], query: String? = nil) throws(HubError) -> WebAddress {
    guard let address = settings.endpoint.appending(parts, query: query) else {
      throw .badSetting(name: "HF_ENDPOINT", reason: "is not an address such as https://huggingface.co")
    }
    return address
  }

  // MARK: One request

  /// Sends a request and follows redirects, at most to `other` hosts if that is allowed; a token goes to the Hub alone.
  ///
  /// - Returns: the head of the last answer and where it came from. The receiver gets only an answer that succeeds.
  /// - Throws: ``WebFailure``, ``HubError``, ``Refusal``.
  func send(
    _ request: WebRequest, to receiver: inout some WebReceiver, followsToOtherHosts: Bool = true
  ) async throws -> (head: WebHead, address: WebAddress) {
    var request = request
    var isTrusted = true
    for _ in 0...Self.redirects {
      isTrusted = isTrusted && request.address.hasOrigin(of: settings.endpoint)
      var sent = request
      sent.headers.append(WebHeader("User-Agent", "adapter-host"))
      if isTrusted, !request.isAnonymous, let token = settings.token {
        sent.headers.append(WebHeader("Authorization", "Bearer \(token.secret)"))
      }
      var filter = AnswerFilter(receiver, messageLimit: Self.messageLimit)
      // Where the transport throws, the receiver has what came before.
      let result: Result<WebHead, any Error>
      do { result = .success(try await transport.send(sent, to: &filter)) } catch { result = .failure(error) }
      receiver = filter.receiver
      let head = try result.get()
      guard head.isRedirect else {
        guard head.isSuccess else {
          throw Refusal(head: head, address: request.address, message: message(of: head, filter.message))
        }
        return (head, request.address)
      }
      guard let location = head["location"], let next = request.address.resolving(location),
        !request.address.isSecure || next.isSecure
      else { throw HubError.redirects("\(request.address)") }
      if !followsToOtherHosts, !next.hasOrigin(of: request.address) { return (head, next) }
      request.address = next
      if head.status == 303 { (request.method, request.body) = (request.method == "HEAD" ? "HEAD" : "GET", .none) }
    }
    throw HubError.redirects("\(request.address)")
  }

  /// Does something again where the network or the server failed and may not the next time.
  func trying<T>(_ address: WebAddress, _ body: () async throws -> T) async throws -> T {
    for attempt in 0... {
      let wait: Int
      do { return try await body() } catch let failure as WebFailure {
        guard attempt < Self.retries else { throw HubError.noConnection("\(address)", reason: failure.reason) }
        wait = 1 << attempt
      } catch let refusal as Refusal where refusal.mayPass {
        wait = refusal.seconds ?? 1 << attempt
        guard attempt < Self.retries, wait <= Self.longestWait else {
          throw HubError.busy("\(refusal.address)", status: refusal.head.status, seconds: refusal.seconds)
        }
      }
      try await pause(wait)
    }
    throw HubError.redirects("\(address)")
  }

  /// The JSON that a request is answered with, and its head.
  func json(
    _ request: WebRequest, about address: HubAddress
  ) async throws -> (value: JSONValue, head: WebHead, address: WebAddress) {
    try await translating(address) {
      try await trying(request.address) {
        var answer = WebAnswer(limit: Self.answerLimit)
        let (head, place) = try await send(request, to: &answer)
        return (try value(of: answer, head, place), head, place)
      }
    }
  }

  func value(of answer: WebAnswer, _ head: WebHead, _ place: WebAddress) throws(HubError) -> JSONValue {
    if head.isPage { throw .notTheHub("\(place)", found: "a page for a browser") }
    do throws(CheckpointError) { return try JSONValue(Data(answer.bytes), file: "\(place)") } catch {
      throw .badAnswer("\(place)", reason: "it is not JSON")
    }
  }

  /// Runs `body`, and says what a refusal means for a repository.
  func translating<T>(_ address: HubAddress, file: String? = nil, _ body: () async throws -> T) async throws -> T {
    do { return try await body() } catch let refusal as Refusal {
      throw meaning(of: refusal, address, file: file)
    } catch let error as WebAnswer.TooLong {
      throw HubError.badAnswer("\(address)", reason: "it has more than \(error.limit) bytes")
    }
  }

  // MARK: What refusals mean

  /// An answer that is neither a success nor a redirect.
  struct Refusal: Error {
    let head: WebHead
    let address: WebAddress
    let message: String

    /// Whether the same request may succeed later.
    var mayPass: Bool { [408, 429, 500, 502, 503, 504].contains(head.status) }

    /// The seconds that the server asks to wait.
    var seconds: Int? { head["retry-after"].flatMap { Int($0) }.map { max($0, 0) } }
  }

  func meaning(of refusal: Refusal, _ address: HubAddress, file: String?) -> HubError {
    let (head, place) = (refusal.head, "\(refusal.address)")
    let hasToken = settings.token != nil
    let endpoint = "\(settings.endpoint)"
    switch head["x-error-code"] {
    case "RepoNotFound": return .noRepository(address, endpoint: endpoint, hasToken: hasToken)
    case "RevisionNotFound": return .noRevision(address)
    case "EntryNotFound": return .noFile(address, file: file ?? refusal.address.lastName)
    case "GatedRepo": return .gated(address, endpoint: endpoint, hasToken: hasToken)
    default: break
    }
    switch head.status {
    case 401: return .noRepository(address, endpoint: endpoint, hasToken: hasToken)
    case 403: return .forbidden(place, message: refusal.message)
    case 404 where head.isPage: return .notTheHub(place, found: "a page for a browser (404)")
    case 404:
      return file.map { .noFile(address, file: $0) } ?? .noRepository(address, endpoint: endpoint, hasToken: hasToken)
    case 412: return .moved(address)
    default:
      return refusal.mayPass
        ? .busy(place, status: head.status, seconds: refusal.seconds)
        : .refused(place, status: head.status, message: refusal.message)
    }
  }

  /// What the server says, on one line and without the token.
  private func message(of head: WebHead, _ body: [UInt8]) -> String {
    let json = try? JSONValue(Data(body), file: "")
    let text = head["x-error-message"] ?? json?["error"]?.text ?? ""
    let clean = String(String.UnicodeScalarView(text.unicodeScalars.filter { !$0.actsOnTerminals }).prefix(300))
    return settings.token.map { $0.removed(from: clean) } ?? clean
  }
}

/// Hands an answer that succeeds to its receiver, and keeps the first bytes of any other.
private struct AnswerFilter<Receiver: WebReceiver>: WebReceiver {
  private(set) var receiver: Receiver
  private(set) var message: [UInt8] = []
  private let messageLimit: Int
  private var isSuccess = false

  init(_ receiver: Receiver, messageLimit: Int) { (self.receiver, self.messageLimit) = (receiver, messageLimit) }

  mutating func begin(_ head: WebHead) throws -> Bool {
    isSuccess = head.isSuccess
    return try isSuccess ? receiver.begin(head) : !head.isRedirect
  }

  mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
    if isSuccess { return try receiver.take(bytes) }
    message += bytes.prefix(messageLimit - message.count)
  }
}
