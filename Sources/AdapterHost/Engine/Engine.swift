internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Dispatch
internal import Files
internal import Foundation
internal import Model
internal import Synchronization
internal import Tensors

/// Answers the rows of many requests in shared passes, on a dedicated thread.
///
/// It never waits for a batch to fill: whenever the thread is free, it takes waiting rows in fair order (`FairQueue`),
/// up to the token budget of one time slice. The rows of a pass may have any adapters, methods and heads. A request is
/// admitted as a whole or not at all; one whose task is cancelled or whose deadline passes is not computed, and a
/// failing one does not affect others.
public final class Engine: Sendable {
  /// The limits of an engine.
  public struct Limits: Sendable, Hashable {
    /// The target duration of a pass, which determines its token budget.
    public var slice: Duration = .milliseconds(100)
    /// The maximum amount of queued work.
    public var queue: Duration = .seconds(5)
    /// The maximum size of adapters loaded on demand, in bytes.
    public var adapterBytes = 1 << 30
    /// The fair shares of keys; 1 by default.
    public var weights: [String: Int] = [:]

    public init() {}
  }

  /// The cost of a pass: `fixed`, and for each row of n tokens `n * perToken + n * n * perPair`.
  public struct Cost: Sendable, Hashable {
    public let fixed: Duration
    public let perToken: Duration
    public let perPair: Duration

    /// What a row costs in any pass.
    public func duration(ofRow tokens: Int) -> Duration { perToken * tokens + perPair * (tokens * tokens) }
  }

  private final class Job: Sendable {
    struct State {
      var answers: [EngineAnswer?]
      var missing: Int
      var continuation: CheckedContinuation<EngineAnswers, any Error>?
      var result: Result<EngineAnswers, any Error>?
      var started: ContinuousClock.Instant?
      var computed = Duration.zero
    }

    let request: EngineRequest
    let lease: ResidentAdapters.Lease
    let submitted = ContinuousClock.now
    let state: Mutex<State>

    init(_ request: EngineRequest, _ lease: ResidentAdapters.Lease) {
      self.request = request
      self.lease = lease
      let count = request.rows.count
      state = Mutex(State(answers: Array(repeating: nil, count: count), missing: count))
    }

    var isFinished: Bool { state.withLock { $0.result != nil } }

    func finish(_ result: Result<EngineAnswers, any Error>) {
      let continuation = state.withLock { state -> CheckedContinuation<EngineAnswers, any Error>? in
        guard state.result == nil else { return nil }
        state.result = result
        state.answers = []
        defer { state.continuation = nil }
        return state.continuation
      }
      continuation?.resume(with: result)
    }

    func wait() async throws -> EngineAnswers {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state -> Result<EngineAnswers, any Error>? in
          if state.result == nil { state.continuation = continuation }
          return state.result
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }

  /// A queued row of a request.
  private struct Waiting: Sendable {
    let job: Job
    let row: Int
    var value: EngineRow { job.request.rows[row] }
  }

  private struct State {
    var queue: FairQueue<Waiting>
    var isEnding = false
    var hasEnded = false
  }

  /// The cost of passes on this machine, measured at the start.
  public let cost: Cost
  /// The maximum number of tokens in a pass; a longer row runs alone.
  public let budget: Int
  /// The maximum number of queued tokens.
  public let queueLimit: Int
  /// How long a row alone may take: nothing else is computed meanwhile.
  public let rowLimit: Duration
  private let residents: ResidentAdapters
  private let maskID: Int32
  private let state: Mutex<State>
  private let wake = DispatchSemaphore(value: 0)
  private let observer: @Sendable (EngineEvent) -> Void

  /// Measures the cost of passes, and starts the thread.
  ///
  /// - Parameters:
  ///   - model: the base, with the adapters and heads that are always loaded.
  ///   - maskID: the token answered by masked language models; nil if there is none.
  ///   - source: loads other adapters; nil: none.
  ///   - limits: the engine's limits.
  ///   - observer: called for every pass, on the computing thread, and for every load, on the loading thread.
  /// - Throws: `EngineError.noThread`; the errors of a pass.
  public init(
    _ model: DebertaV2AdapterModel, maskID: Int32?, source: (any AdapterSource)? = nil, limits: Limits = Limits(),
    observer: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) throws {
    cost = try Self.measure(model)
    budget = max(64, Int((limits.slice - cost.fixed) / cost.perToken))
    queueLimit = max(budget, Int(limits.queue / cost.perToken))
    rowLimit = max(limits.queue, .seconds(1))
    residents = ResidentAdapters(model, source, budget: limits.adapterBytes) { observer(.load($0)) }
    self.maskID = maskID ?? -1
    self.observer = observer
    state = Mutex(State(queue: FairQueue(weights: limits.weights)))
    // The thread only holds the engine while it works, so that an unreferenced engine is released.
    let isStarted = startThread { [weak self, wake] in
      repeat { wake.wait() } while self?.runAll() ?? false
    }
    guard isStarted else { throw EngineError.noThread }
  }

  deinit { wake.signal() }

  /// Measures passes of 1 x 16, 8 x 64 and 1 x 512 tokens, taking the fastest of three each. The last two differ in the pairs of tokens
  /// that attend to each other.
  private static func measure(_ model: DebertaV2AdapterModel) throws -> Cost {
    func time(_ rows: Int, _ length: Int) throws -> Duration {
      let batch = Batch(Array(repeating: Array(repeating: 1, count: length), count: rows))
      var best = Duration.seconds(3600)
      for _ in 0..<3 {
        let start = ContinuousClock.now
        _ = try model(batch, setup: .composition(nil), heads: [], states: .first)
        best = min(best, ContinuousClock.now - start)
      }
      return best
    }
    let (short, long) = (try time(1, 16), try time(8, 64))
    let perToken = max(Duration.nanoseconds(1), (long - short) / (8 * 64 - 16))
    var perPair = Duration.zero
    if model.configuration.longestText.map({ $0 >= 512 }) ?? true {
      perPair = max(.zero, (try time(1, 512) - long) / (512 * 512 - 8 * 64 * 64))
    }
    return Cost(fixed: max(.zero, short - perToken * 16), perToken: perToken, perPair: perPair)
  }

  // MARK: Requests

  /// The queued tokens of each class.
  public var queuedTokens: [ServiceClass: Int] {
    state.withLock { state in
      Dictionary(uniqueKeysWithValues: ServiceClass.allCases.map { ($0, state.queue.tokens(of: $0)) })
    }
  }

  /// The number of loaded on-demand adapters, their bytes, and the number of loads so far.
  public var residentAdapters: (count: Int, bytes: Int, loads: Int) { residents.residents }

  /// The model with the adapters of some compositions, and their digests; they stay loaded until the lease is released.
  func lease(_ compositions: [Composition]) throws -> ResidentAdapters.Lease { try residents.lease(compositions) }

  /// Unloads an adapter or a fusion that was loaded on demand, unless a request uses it.
  ///
  /// - Returns: whether it is unloaded.
  func unload(_ name: String) -> Bool { residents.unload(name) }

  /// Answers the rows of a request.
  ///
  /// - Throws: `EngineError`; `CancellationError`; the errors of loading an adapter or running the rows.
  public func submit(_ request: EngineRequest) async throws -> EngineAnswers {
    try await submit(request, lease(request.rows.compactMap(\.composition)))
  }

  /// - Parameter lease: the adapters of the rows.
  func submit(_ request: EngineRequest, _ lease: ResidentAdapters.Lease) async throws -> EngineAnswers {
    guard !request.rows.isEmpty else { return EngineAnswers(rows: [], queued: .zero, computed: .zero) }
    let job = Job(request, lease)
    try admit(job)
    return try await withTaskCancellationHandler {
      try await job.wait()
    } onCancel: {
      job.finish(.failure(CancellationError()))
      self.drop([ObjectIdentifier(job)])
    }
  }

  /// The most tokens that a request with a deadline may have.
  ///
  /// - Throws: `EngineError.expired`.
  func tokens(until deadline: ContinuousClock.Instant?) throws(EngineError) -> Int {
    let most = Checkpoints.Limits.requestTokens
    guard let deadline else { return most }
    let left = deadline - .now
    guard left > .zero else { throw .expired }
    return min(most, Int(min(left / cost.perToken, Double(most))))
  }

  /// Refuses rows that cannot be computed before the deadline, or of which one would hold up all other requests.
  ///
  /// - Parameter rows: the tokens of each.
  /// - Throws: `EngineError`.
  func check(_ rows: [Int], _ deadline: ContinuousClock.Instant?) throws(EngineError) {
    let most = try tokens(until: deadline)
    if let longest = rows.max(), cost.duration(ofRow: longest) > rowLimit {
      throw .rowTooLong(
        tokens: longest, seconds: cost.duration(ofRow: longest) / .seconds(1), limit: rowLimit / .seconds(1))
    }
    let all = rows.reduce(0, +)
    let work = rows.reduce(.zero) { $0 + cost.duration(ofRow: $1) }
    let left = deadline.map { ($0 - .now) / .seconds(1) }
    if all > most || left.map({ work / .seconds(1) > $0 }) ?? false {
      throw .tooMuchWork(tokens: all, seconds: work / .seconds(1), left: left, limit: Checkpoints.Limits.requestTokens)
    }
  }

  private func admit(_ job: Job) throws(EngineError) {
    let (key, service) = (job.request.key, job.request.service)
    let tokens = job.request.rows.map { max(1, $0.ids.count) }
    try check(tokens, job.request.deadline)
    let refusal = state.withLock { state -> EngineError? in
      if state.isEnding { return .ending }
      let all = tokens.reduce(0, +)
      let own = state.queue.tokens(of: key)
      let keys = state.queue.keys.union([key]).count
      // In a round robin, a key waits for its own tokens once per key.
      let isOver =
        state.queue.tokens + all > queueLimit && !state.queue.isEmpty
        || own + all > queueLimit / 2 && own > 0 || (own + all) * keys > 2 * queueLimit && own > 0
      if isOver {
        let wait = cost.perToken * state.queue.tokens
        return .overloaded(
          queuedTokens: state.queue.tokens, limit: queueLimit, seconds: max(1, Int((wait / .seconds(1)).rounded(.up))))
      }
      for (row, count) in tokens.enumerated() {
        state.queue.append(Waiting(job: job, row: row), tokens: count, key: key, service)
      }
      return nil
    }
    if let refusal { throw refusal }
    wake.signal()
  }

  /// Removes the rows of finished jobs from the queue.
  private func drop(_ jobs: Set<ObjectIdentifier>) {
    state.withLock { _ = $0.queue.remove { jobs.contains(ObjectIdentifier($0.job)) } }
  }

  /// Stops accepting requests, answers those in the queue, and ends the thread.
  ///
  /// If its task is cancelled, it refuses what is left in the queue.
  public func end() async {
    state.withLock { $0.isEnding = true }
    wake.signal()
    while !state.withLock({ $0.hasEnded }) {
      do { try await Task.sleep(for: .milliseconds(5)) } catch {
        for waiting in state.withLock({ $0.queue.remove { _ in true } }) {
          waiting.job.finish(.failure(EngineError.ending))
        }
        return
      }
    }
  }

  // MARK: Passes

  /// Runs passes until the queue is empty.
  ///
  /// - Returns: false when the engine ends.
  private func runAll() -> Bool {
    while runOnce() {}
    return state.withLock { state in
      state.hasEnded = state.isEnding && state.queue.isEmpty
      return !state.hasEnded
    }
  }

  /// Runs one pass; false if the queue is empty.
  private func runOnce() -> Bool {
    let now = ContinuousClock.now
    let (rows, unwanted) = state.withLock { state in
      let unwanted = state.queue.remove { $0.job.isFinished || ($0.job.request.deadline ?? now) < now }
      return (state.queue.take(budget: budget), unwanted)
    }
    for waiting in unwanted { waiting.job.finish(.failure(EngineError.expired)) }
    guard !rows.isEmpty else { return false }
    let (model, digests) = residents.current
    // Leases from before an adapter was replaced keep their model.
    var groups: [(model: DebertaV2AdapterModel, rows: [Waiting])] = [(model, [])]
    for waiting in rows {
      let lease = waiting.job.lease
      if lease.digests.allSatisfy({ digests[$0] == $1 }) {
        groups[0].rows.append(waiting)
      } else {
        groups.append((lease.model, [waiting]))
      }
    }
    for group in groups where !group.rows.isEmpty { run(group.rows[...], group.model) }
    return true
  }

  /// Runs rows together; on failure, splits them in halves until failing requests are isolated.
  private func run(_ rows: ArraySlice<Waiting>, _ model: DebertaV2AdapterModel) {
    let start = ContinuousClock.now
    do {
      let answers = try answers(Array(rows), model)
      let duration = ContinuousClock.now - start
      observer(
        .pass(
          EnginePass(
            rows: rows.count, tokens: rows.reduce(0) { $0 + $1.value.ids.count },
            compositions: Set(rows.map(\.value.composition)).count, duration: duration)))
      for (waiting, answer) in zip(rows, answers) { deliver(answer, to: waiting, start, duration) }
    } catch {
      let jobs = Set(rows.map { ObjectIdentifier($0.job) })
      guard jobs.count > 1 else {
        rows.first?.job.finish(.failure(error))
        return drop(jobs)
      }
      let middle = rows.startIndex + rows.count / 2
      // Keeps the rows of a request in one half if possible.
      run(rows[..<middle], model)
      run(rows[middle...].filter { !$0.job.isFinished }[...], model)
    }
  }

  private func answers(_ rows: [Waiting], _ model: DebertaV2AdapterModel) throws -> [EngineAnswer] {
    guard !rows.isEmpty else { return [] }
    let values = rows.map(\.value)
    let output = try model.bound(
      Batch(values.map(\.ids), tokenTypes: values.map(\.tokenTypes)),
      rows: values.map { ($0.composition, $0.heads) }, answering: .masks(maskID),
      states: values.contains { $0.states == .all } ? .all : .first, on: Pass(model.compute))
    var logits: [[String: Tensor]] = Array(repeating: [:], count: rows.count)
    for (name, head) in output.answers {
      for (place, row) in head.answeredRows.enumerated() { logits[row][name] = head.logits(row: place) }
    }
    return values.enumerated().map { row, value in
      let states: Tensor? =
        switch value.states {
        case .none: nil
        case .first: output.tokenCount(row: row) == 0 ? nil : output.hiddenStates(row: row).rows(0..<1)
        case .all: output.hiddenStates(row: row)
        }
      return EngineAnswer(logits: logits[row], states: states, promptTokens: output.promptTokens(row: row))
    }
  }

  private func deliver(
    _ answer: EngineAnswer, to waiting: Waiting, _ start: ContinuousClock.Instant, _ duration: Duration
  ) {
    let job = waiting.job
    let result = job.state.withLock { state -> EngineAnswers? in
      guard state.result == nil else { return nil }
      if state.started == nil { state.started = start }
      if state.answers[waiting.row] == nil { state.missing -= 1 }
      state.answers[waiting.row] = answer
      state.computed += duration
      guard state.missing == 0 else { return nil }
      return EngineAnswers(
        rows: state.answers.compactMap { $0 }, queued: (state.started ?? start) - job.submitted,
        computed: state.computed)
    }
    if let result { job.finish(.success(result)) }
  }
}
