public import AdapterMethods
public import Tensors

/// One sequence of tokens for an engine, with its adapters and requested outputs.
public struct EngineRow: Sendable {
  /// Hidden states requested in addition to the heads' answers.
  public enum States: Sendable, Hashable {
    case none
    /// The first token's, [1, H].
    case first
    /// All tokens', including prompts, [tokens, H].
    case all
  }

  public var ids: [Int32]
  public var tokenTypes: [Int32]
  /// The adapters for the row; nil is the base model.
  public var composition: Composition?
  /// The heads that answer it.
  public var heads: [String]
  public var states: States

  public init(
    ids: [Int32], tokenTypes: [Int32]? = nil, composition: Composition? = nil, heads: [String] = [],
    states: States = .none
  ) {
    self.ids = ids
    self.tokenTypes = tokenTypes ?? Array(repeating: 0, count: ids.count)
    self.composition = composition
    self.heads = heads
    self.states = states
  }
}

/// An engine's results for one row.
public struct EngineAnswer: Sendable {
  /// The heads' logits for the row, [1, labels] or [answered tokens, labels], by head name.
  public let logits: [String: Tensor]
  /// The hidden states, if requested.
  public let states: Tensor?
  /// The range of prompt tokens in `states`; empty without a prompt.
  public let promptTokens: Range<Int>
}

/// Rows that are answered together or not at all.
public struct EngineRequest: Sendable {
  public var rows: [EngineRow]
  /// The key for fair sharing: an adapter, or the owner of an API key.
  public var key: String
  public var service: ServiceClass
  /// The time after which the answer is no longer needed.
  public var deadline: ContinuousClock.Instant?

  public init(
    _ rows: [EngineRow], key: String = "", service: ServiceClass = .interactive,
    deadline: ContinuousClock.Instant? = nil
  ) {
    self.rows = rows
    self.key = key
    self.service = service
    self.deadline = deadline
  }
}

/// The answers to a request, with timings.
public struct EngineAnswers: Sendable {
  /// One per row, in order.
  public let rows: [EngineAnswer]
  /// The time from submission to the first pass.
  public let queued: Duration
  /// The time in passes with rows of this request.
  public let computed: Duration
}

/// Why an engine does not answer a request.
public enum EngineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The queue is full; `seconds` is the time until there will be room.
  case overloaded(queuedTokens: Int, limit: Int, seconds: Int)
  /// Its rows cannot be computed in the time that is left, or have more tokens than a request may.
  case tooMuchWork(tokens: Int, seconds: Double, left: Double?, limit: Int)
  /// A row would hold up all other requests for so long.
  case rowTooLong(tokens: Int, seconds: Double, limit: Double)
  /// The deadline passed before the request was computed.
  case expired
  /// The engine is shutting down.
  case ending
  /// The system cannot start a thread.
  case noThread

  public var description: String {
    switch self {
    case .overloaded(let queued, let limit, let seconds):
      "The queue is full: \(queued) tokens wait, of at most \(limit). Try again in \(seconds) s."
    case .tooMuchWork(let tokens, _, _, let limit) where tokens > limit:
      "The request has \(tokens) tokens or more, counted once for each window, pair and adapter; at most \(limit) are "
        + "computed. Send fewer or shorter texts, or let windows share less."
    case .tooMuchWork(let tokens, let seconds, let left, _):
      "The request has \(tokens) tokens or more, counted once for each window, pair and adapter, and takes about "
        + "\(Self.text(seconds)) s to compute; \(Self.text(left ?? 0)) s are left until its deadline. Send fewer or "
        + "shorter texts, let windows share less, or wait longer."
    case .rowTooLong(let tokens, let seconds, let limit):
      "A text of \(tokens) tokens takes about \(Self.text(seconds)) s to compute at once, while all others wait; at most "
        + "\(Self.text(limit)) s are allowed. Shorten it, or lower the maximum length."
    case .expired: "The deadline passed before the request was computed. Send fewer requests at a time, or wait longer."
    case .ending: "The engine is shutting down and takes no more requests."
    case .noThread: "The system starts no thread to compute with."
    }
  }

  /// Seconds with two digits that count.
  private static func text(_ seconds: Double) -> String {
    seconds < 10 ? "\((seconds * 100).rounded(.up) / 100)" : "\(Int(seconds.rounded(.up)))"
  }
}

/// Engine events, for metrics.
public enum EngineEvent: Sendable {
  case pass(EnginePass)
  /// An adapter or a fusion was loaded on demand.
  case load(Duration)
}

/// One pass of an engine.
public struct EnginePass: Sendable {
  public let rows: Int
  public let tokens: Int
  /// The number of compositions in the pass.
  public let compositions: Int
  public let duration: Duration
}
