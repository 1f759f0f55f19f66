import AdapterHost
import HTTPTypes
import Hummingbird

/// The API family that a route follows, which determines its error format.
enum Family: Sendable {
  /// text-embeddings-inference, and the pipelines of Hugging Face.
  case inference
  /// OpenAI and vLLM.
  case openAI
  /// Open Inference Protocol v2.
  case protocolV2
  /// This server's own.
  case own

  init(path: String) {
    let first = path.split(separator: "/").first
    switch first {
    case "v2" where path != "/v2/rerank": self = .protocolV2
    case "v1", "classify", "score", "v2": self = .openAI
    case "api", "page": self = .own
    default: self = .inference
    }
  }
}

/// An error of a route whose conventions differ from those of its path.
struct FamilyError: Error {
  let family: Family
  let error: any Error
}

/// A failure, independent of API family.
enum Failure: Error, Hashable {
  case fault(Fault)
  case unknown(String, parameter: String?)
  case wrongTask(String)
  case broken(String)
  case backend(String)
  case taken(String)
  case tooLarge(limit: Int)
  case slow(String)
  case overloaded(String, seconds: Int)
  case expired(String)
  case unavailable(String)
  case unauthorized(isAdmin: Bool)
  case forbidden(String)
  case noRoute(String)
  /// The client has disconnected; nobody reads the response.
  case dropped
  case unexpected

  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case let fault as Fault: self = .fault(fault)
    case let error as ServiceError: self = Self.service(error)
    case let error as EngineError: self = Self.engine(error)
    case is CancellationError: self = .dropped
    case let error as CompositionError: self = .fault(Fault(description: "\(error)", parameter: "model"))
    case is AnswerOptionsError, is ZeroShotError, is PredictionError, is ConfigurationError,
      is CheckpointError:
      self = .fault(Fault(description: "\(error)", parameter: "parameters"))
    case let error as RegistryError: self = .unavailable("\(error)")
    case let error as HTTPError where error.status == .notFound: self = .noRoute("There is no such route.")
    case let error as HTTPError where error.status == .contentTooLarge: self = .tooLarge(limit: 0)
    case let error as HTTPError: self = .fault(Fault(description: error.body ?? "The request cannot be read."))
    default: self = .unexpected
    }
  }

  private static func service(_ error: ServiceError) -> Failure {
    switch error {
    case .unknown: .unknown("\(error)", parameter: "model")
    case .isThere: .taken("\(error)")
    case .broken: .broken("\(error)")
    case .wrongTask: .wrongTask("\(error)")
    case .severalHeads, .unknownHead: .fault(Fault(description: "\(error)", parameter: "head"))
    case .severalVectors: .fault(Fault(description: "\(error)", parameter: "model"))
    case .input, .tooLong, .tooManyMasks, .answerTooLarge: .fault(Fault(description: "\(error)", parameter: "inputs"))
    case .options: .fault(Fault(description: "\(error)", parameter: "parameters"))
    case .notFinite, .failed: .backend("\(error)")
    }
  }

  private static func engine(_ error: EngineError) -> Failure {
    switch error {
    case .overloaded(_, _, let seconds): .overloaded("\(error)", seconds: seconds)
    case .tooMuchWork, .rowTooLong: .fault(Fault(description: "\(error)", parameter: "inputs"))
    case .expired: .expired("\(error)")
    case .ending, .noThread: .unavailable("\(error)")
    }
  }

  static func quota(_ account: Keys.Account, seconds: Int) -> Failure {
    .overloaded(
      "The key '\(account.name)' has used its tokens of this minute. Try again in \(seconds) s.", seconds: seconds)
  }

  var sentence: String {
    switch self {
    case .fault(let fault): fault.description
    case .unknown(let text, _), .wrongTask(let text), .broken(let text), .backend(let text), .taken(let text),
      .slow(let text), .overloaded(let text, _), .expired(let text), .unavailable(let text), .forbidden(let text),
      .noRoute(let text):
      text
    case .tooLarge(let limit): "The body is larger than \(limit) bytes."
    case .unauthorized: "A key is needed: send the header 'Authorization: Bearer KEY'."
    case .dropped: "The client closed the connection."
    case .unexpected: "An error that was not expected; the server's log has it under the request's id."
    }
  }

  /// The HTTP status of the response.
  func status(_ family: Family) -> HTTPResponse.Status {
    switch self {
    case .fault(let fault):
      switch (fault.kind, family) {
      case (.disagreement, _): .unprocessableContent
      case (.empty, .inference): .badRequest
      case (.syntax, .own): .badRequest
      case (_, .inference), (_, .own): .unprocessableContent
      case (_, .openAI), (_, .protocolV2): .badRequest
      }
    case .unknown, .noRoute: .notFound
    case .wrongTask:
      switch family {
      case .inference: .failedDependencyOfModel
      case .openAI, .protocolV2: .badRequest
      case .own: .unprocessableContent
      }
    case .broken: family == .inference ? .failedDependencyOfModel : .unprocessableContent
    case .backend: family == .inference ? .failedDependencyOfModel : .internalServerError
    case .taken: .badRequest
    case .tooLarge: .contentTooLarge
    case .slow: .requestTimeout
    case .overloaded: .tooManyRequests
    case .expired: .gatewayTimeout
    case .unavailable: .serviceUnavailable
    case .unauthorized: .unauthorized
    case .forbidden: .forbidden
    case .dropped: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
    case .unexpected: .internalServerError
    }
  }

  /// The error type in TEI's API.
  private var errorType: String {
    switch self {
    case .fault(let fault): fault.kind == .empty ? "Empty" : "Validation"
    case .unknown, .noRoute: "NotFound"
    case .wrongTask, .broken, .backend, .expired, .unexpected: "Backend"
    case .overloaded: "Overloaded"
    case .unavailable: "Unhealthy"
    case .tooLarge, .taken, .slow, .unauthorized, .forbidden, .dropped: "Validation"
    }
  }

  /// The error type in OpenAI's API.
  private var openAIType: String {
    switch self {
    case .unknown, .noRoute: "NotFoundError"
    case .taken: "InvalidUserInput"
    case .overloaded: "RateLimitError"
    case .unauthorized: "AuthenticationError"
    case .forbidden: "PermissionDeniedError"
    case .unavailable: "ServiceUnavailableError"
    case .backend, .unexpected: "InternalServerError"
    case .expired, .slow: "TimeoutError"
    case .broken: "UnprocessableEntityError"
    default: "BadRequestError"
    }
  }

  /// The metric label of the failure; nil if it is not counted.
  var metric: String? {
    switch self {
    case .fault(let fault): fault.kind == .batch ? "batch_size" : "validation"
    case .unknown, .tooLarge, .taken: "validation"
    case .wrongTask: "model_type"
    case .broken, .backend, .unexpected, .unavailable: "inference"
    case .overloaded: "overloaded"
    case .expired, .dropped, .slow: "dropped"
    case .unauthorized, .forbidden, .noRoute: nil
    }
  }

  /// The response in a family's format.
  func response(_ family: Family) -> Response {
    let status = status(family)
    var headers: HTTPFields = [:]
    if case .overloaded(_, let seconds) = self { headers[.retryAfter] = "\(seconds)" }
    if case .unauthorized(let isAdmin) = self {
      headers[.wwwAuthenticate] = "Bearer"
      if !isAdmin, family == .inference { return Response(status: status, headers: headers) }
    }
    switch self {
    case .tooLarge, .slow: headers[.connection] = "close"
    default: break
    }
    let message = JSONValue.string(sentence).line
    let body: String
    switch family {
    case .inference:
      body = JSONLine.object([("error", message), ("error_type", JSONValue.string(errorType).line)])
    case .openAI:
      body = JSONLine.object([
        (
          "error",
          JSONLine.object([
            ("message", message), ("type", JSONValue.string(openAIType).line),
            ("param", parameter.map { JSONValue.string($0).line } ?? "null"), ("code", "\(status.code)"),
          ])
        )
      ])
    case .protocolV2, .own: body = JSONLine.object([("error", message)])
    }
    headers[.contentType] = "application/json"
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
  }

  private var parameter: String? {
    switch self {
    case .fault(let fault): fault.parameter
    case .unknown(_, let parameter): parameter
    default: nil
    }
  }
}

extension HTTPResponse.Status {
  /// TEI's status if a model does not support the request.
  fileprivate static let failedDependencyOfModel = HTTPResponse.Status(code: 424, reasonPhrase: "Failed Dependency")
}
