public import AdapterMethods
public import Tensors

/// One sequence of tokens for an engine, with what acts on it and what is wanted of it.
public struct EngineRow: Sendable {
  /// Hidden states that are wanted besides the heads' answers.
  public enum States: Sendable, Hashable {
    case none
    /// Those of the first token, [1, H].
    case first
    /// Those of all tokens, prompts included, [tokens, H].
    case all
  }

  public var ids: [Int32]
  public var tokenTypes: [Int32]
  /// What acts on the row; nil is the base model.
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

/// What an engine gives for one row.
public struct EngineAnswer: Sendable {
  /// A head's logits for the row, [1, labels] or [answered tokens, labels], by the head's name.
  public let logits: [String: Tensor]
  /// The hidden states, where they were wanted.
  public let states: Tensor?
  /// Which of the row's tokens are a prompt's, counted in `states`; empty without one.
  public let promptTokens: Range<Int>
}

/// Rows that are answered together, or not at all.
public struct EngineRequest: Sendable {
  public var rows: [EngineRow]
  /// Who shares the engine fairly with others: an adapter, or the owner of an API key.
  public var key: String
  public var service: ServiceClass
  /// When the answer is no longer wanted.
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

/// The answers to a request, and how long it took.
public struct EngineAnswers: Sendable {
  /// In the order of the rows.
  public let rows: [EngineAnswer]
  /// From the submission to the first pass.
  public let queued: Duration
  /// In passes that rows of this request were in.
  public let computed: Duration
}

/// Why an engine does not answer a request.
public enum EngineError: Error, Hashable, Sendable, CustomStringConvertible {
  /// More waits than may; `seconds` is when there will be room.
  case overloaded(queuedTokens: Int, limit: Int, seconds: Int)
  /// The deadline passed before the request was computed.
  case expired
  /// The engine has been told to end.
  case ending
  /// The threads that it needs cannot be had.
  case noThread

  public var description: String {
    switch self {
    case .overloaded(let queued, let limit, let seconds):
      "The queue is full: \(queued) tokens wait, of at most \(limit). Try again in \(seconds) s."
    case .expired: "The deadline passed before the request was computed. Send fewer requests at a time, or wait longer."
    case .ending: "The engine is shutting down and takes no more requests."
    case .noThread: "The system starts no thread to compute with."
    }
  }
}

/// What an engine reports while it runs, for metrics.
public enum EngineEvent: Sendable {
  case pass(EnginePass)
  /// An adapter or a fusion was loaded on demand.
  case load(Duration)
}

/// One pass of an engine.
public struct EnginePass: Sendable {
  public let rows: Int
  public let tokens: Int
  /// How many compositions were in it.
  public let compositions: Int
  public let duration: Duration
}
