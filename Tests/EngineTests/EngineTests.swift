import AdapterMethods
import Deberta
import Dispatch
import Model
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import AdapterHost

/// Adapters with random values, made on demand; a version decides the values.
private final class MadeAdapters: AdapterSource {
  private let version: @Sendable (String) -> UInt64

  init(_ version: @escaping @Sendable (String) -> UInt64 = { _ in 1 }) { self.version = version }

  static let names = ["lora", "bottleneck", "prefix"]
  private static let presets = [
    "lora": "lora[attn_matrices=['q', 'k', 'v'], r=3]", "bottleneck": "seq_bn[reduction_factor=8]",
    "other": "seq_bn[reduction_factor=8]",
    "prefix": "prefix_tuning_flat[prefix_length=3]",
  ]

  struct Unknown: Error, Equatable { let name: String }

  func digest(ofAdapter name: String) throws -> String {
    guard Self.presets[name] != nil else { throw Unknown(name: name) }
    return "\(name)-\(version(name))"
  }

  func digest(of fusion: Composition.NamedFusion) throws -> String { "\(fusion.name)-\(version("fusion"))" }

  func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws {
    defer {
      for fusion in composition.fusions where model.fusion(fusion.name) == nil {
        try? model.addAdapterFusion(fusion.adapters, .dynamic, seed: version("fusion"))
      }
    }
    for name in composition.adapters where model.adapter(name) == nil {
      guard let preset = Self.presets[name] else { throw Unknown(name: name) }
      try model.addRandom(preset, named: name, seed: version(name))
      try model.addHead(name, HeadSettings(.classification, labels: ["x", "y"]), overwrite: true, seed: version(name))
    }
  }
}

/// Many requests share passes, and none notices.
@Suite struct EngineTests {
  private static let ids = TinyModel.ids([7, 1, 12, 5, 30, 2, 9, 17], seed: 4)

  private func engine(
    _ source: MadeAdapters = MadeAdapters(), limits: Engine.Limits = Engine.Limits(),
    observer: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) throws -> Engine {
    try Engine(TinyModel.load(), maskID: 3, source: source, limits: limits, observer: observer)
  }

  private func row(_ index: Int, _ setup: String?) throws -> EngineRow {
    let composition = try setup.map { try Composition($0) }
    return EngineRow(
      ids: Self.ids[index % Self.ids.count], composition: composition, heads: composition.map { [$0.head] } ?? [],
      states: .first)
  }

  /// The values that a model gives for a row alone.
  private func alone(_ row: EngineRow, _ source: MadeAdapters = MadeAdapters()) throws -> [Float] {
    var model = try TinyModel.load()
    if let composition = row.composition { try source.load(composition, into: &model) }
    let output = try model([row.ids], setup: .composition(row.composition), heads: row.heads)
    return output.hiddenStates(row: 0).rows(0..<1).array + row.heads.flatMap { output.heads[$0]?.logits.array ?? [] }
  }

  private func values(_ answer: EngineAnswer, _ row: EngineRow) -> [Float] {
    (answer.states?.array ?? []) + row.heads.flatMap { answer.logits[$0]?.array ?? [] }
  }

  private static let setups: [String?] = [
    "lora", "bottleneck", nil, "Stack(prefix, lora)", "Average(lora, bottleneck)",
  ]

  @Test func answersInAnyMixAreTheBitsOfTheRowsAlone() async throws {
    let engine = try engine()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for step in 0..<6 {
            let rows = try (0..<3).map { try row(task + step + $0, Self.setups[(task * 3 + step + $0) % 5]) }
            let answers = try await engine.submit(EngineRequest(rows, key: "\(task)"))
            for (answer, row) in zip(answers.rows, rows) {
              expectClose(values(answer, row), try alone(row), .exact)
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(engine.residentAdapters.count == 3 && engine.residentAdapters.loads == 3)
    #expect(engine.queuedTokens == [.interactive: 0, .bulk: 0])
  }

  @Test func whatFailsFailsAlone() async throws {
    let engine = try engine()
    let good = try row(0, "lora")
    var bad = good
    bad.ids = [1, 9999]
    let wrong = bad
    async let first = engine.submit(EngineRequest([good]))
    let second = Task { try await engine.submit(EngineRequest([good, wrong])) }
    async let third = engine.submit(EngineRequest([good]))
    expectClose(values(try await first.rows[0], good), try alone(good), .exact)
    await #expect(throws: InputError.self) { _ = try await second.value }
    expectClose(values(try await third.rows[0], good), try alone(good), .exact)
    let unknown = try row(0, "nobody")
    await #expect(throws: MadeAdapters.Unknown(name: "nobody")) {
      _ = try await engine.submit(EngineRequest([unknown]))
    }
  }

  /// A version that is replaced answers what was leased before, and the new one what comes later.
  @Test func aNewVersionAnswersWhatComesLater() async throws {
    let version = Version()
    let source = MadeAdapters { _ in version.value }
    let engine = try engine(source)
    let row = try row(2, "lora")
    let old = try alone(row, source)
    let lease = try engine.lease([Composition("lora")])
    expectClose(values(try await engine.submit(EngineRequest([row])).rows[0], row), old, .exact)
    version.value = 2
    let new = try alone(row, source)
    expectFarOff(new, old)
    expectClose(values(try await engine.submit(EngineRequest([row])).rows[0], row), new, .exact)
    expectClose(values(try await engine.submit(EngineRequest([row]), lease).rows[0], row), old, .exact)
  }

  @Test func aNewVersionOfAFusionAnswersWhatComesLater() async throws {
    let version = Version()
    let source = MadeAdapters { name in name == "fusion" ? version.value : name == "other" ? 7 : 1 }
    let engine = try engine(source)
    var row = try row(2, nil)
    row.composition = try Composition("Fuse(bottleneck, other)")
    let first = values(try await engine.submit(EngineRequest([row])).rows[0], row)
    expectClose(values(try await engine.submit(EngineRequest([row])).rows[0], row), first, .exact)
    #expect(engine.residentAdapters.loads == 3)
    version.value = 2
    expectFarOff(values(try await engine.submit(EngineRequest([row])).rows[0], row), first)
    #expect(engine.residentAdapters.loads == 4 && engine.residentAdapters.count == 3)
  }

  @Test func adaptersLeaveWhenTheirMemoryIsNeededAndComeBack() async throws {
    var limits = Engine.Limits()
    limits.adapterBytes = 1
    let engine = try engine(limits: limits)
    let first = try await engine.submit(EngineRequest([row(1, "lora")])).rows[0]
    _ = try await engine.submit(EngineRequest([row(1, "bottleneck")]))
    #expect(engine.residentAdapters.count == 0 && engine.residentAdapters.loads == 2)
    // Negative control: what is leased stays.
    let lease = try engine.lease([Composition("prefix")])
    _ = try await engine.submit(EngineRequest([row(1, "lora")]))
    #expect(engine.residentAdapters.count == 1 && engine.residentAdapters.loads == 4)
    _ = lease
    let again = try await engine.submit(EngineRequest([row(1, "lora")])).rows[0]
    expectClose(values(again, try row(1, "lora")), values(first, try row(1, "lora")), .exact)
  }

  @Test func aFullQueueRefusesWholeRequestsAtOnce() async throws {
    var limits = Engine.Limits()
    limits.queue = .zero
    let engine = try engine(limits: limits)
    let rows = try (0..<200).map { try row($0, "lora") }
    let outcomes = await withTaskGroup(of: Result<Int, any Error>.self) { group in
      for task in 0..<40 {
        group.addTask {
          do {
            return .success(try await engine.submit(EngineRequest(rows, key: "\(task % 4)")).rows.count)
          } catch { return .failure(error) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let answered = outcomes.compactMap { try? $0.get() }
    #expect(!answered.isEmpty && answered.allSatisfy { $0 == rows.count })
    #expect(answered.count < outcomes.count)
    for case .failure(let error) in outcomes {
      guard case EngineError.overloaded(_, let limit, let seconds)? = error as? EngineError else {
        Issue.record("\(error)")
        continue
      }
      #expect(limit == engine.queueLimit && seconds >= 1)
    }
  }

  @Test func whatIsNoLongerWantedIsNotComputed() async throws {
    let passes = Version()
    passes.value = 0
    let engine = try engine { event in
      if case .pass(let pass) = event { passes.value += UInt64(pass.rows) }
    }
    let rows = try (0..<20_000).map { try row($0, "lora") }
    var late = EngineRequest(rows)
    late.deadline = .now - .seconds(1)
    await #expect(throws: EngineError.expired) { _ = try await engine.submit(late) }
    #expect(passes.value == 0)
    let task = Task { try await engine.submit(EngineRequest(rows)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    #expect(passes.value < 20_000)
    #expect(engine.queuedTokens == [.interactive: 0, .bulk: 0])
    // Negative control: it goes on.
    _ = try await engine.submit(EngineRequest([row(0, "lora")]))
    #expect(passes.value > 0)
  }

  @Test func whatCannotBeComputedInTimeIsRefusedWithTheNumbersAtOnce() async throws {
    let passes = Version()
    passes.value = 0
    let engine = try engine { event in
      if case .pass(let pass) = event { passes.value += UInt64(pass.rows) }
    }
    let long = EngineRow(ids: Array(repeating: 5, count: 4096))
    var request = EngineRequest(Array(repeating: long, count: 200))
    request.deadline = .now + engine.cost.perToken * 4096 * 100
    do {
      _ = try await engine.submit(request)
      Issue.record("200 rows were computed in the time of 100.")
    } catch EngineError.tooMuchWork(let tokens, let seconds, let left, _) {
      #expect(tokens == 200 * 4096 && seconds > left ?? .infinity)
    }
    // Without a deadline the number of tokens decides.
    let endless = EngineRequest(Array(repeating: long, count: 300))
    await #expect(throws: EngineError.self) { _ = try await engine.submit(endless) }
    // Nothing else is computed during a row, which costs the square of its length.
    let longest = EngineRow(ids: Array(repeating: 5, count: 1 << 20))
    if engine.cost.duration(ofRow: 1 << 20) > engine.rowLimit {
      await #expect(throws: EngineError.self) { _ = try await engine.submit(EngineRequest([longest])) }
    }
    #expect(passes.value == 0)
    // Negative control.
    request.rows = try [row(0, "lora")]
    request.deadline = .now + .seconds(60)
    #expect(try await engine.submit(request).rows.count == 1)
  }

  /// Holds an engine after each pass, until it is let on.
  private final class Gate: Sendable {
    private let isOpen = Mutex(false)
    private let passes = Mutex(0)
    private let semaphore = DispatchSemaphore(value: 0)

    func wait(_ event: EngineEvent) {
      guard case .pass = event else { return }
      passes.withLock { $0 += 1 }
      if !isOpen.withLock({ $0 }) { semaphore.wait() }
    }

    /// Waits until the engine is held for the first time.
    func waitUntilClosed() async throws {
      for _ in 0..<60_000 where passes.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(1)) }
    }

    func letOne() { semaphore.signal() }

    func open() {
      isOpen.withLock { $0 = true }
      semaphore.signal()
    }
  }

  /// Waits until so many tokens wait, a minute at most: a request that is refused never does.
  private func waitUntilQueued(_ engine: Engine, moreThan tokens: Int) async throws {
    func queued() -> Int { engine.queuedTokens[.interactive] ?? 0 }
    for _ in 0..<60_000 where queued() <= tokens { try await Task.sleep(for: .milliseconds(1)) }
    try #require(queued() > tokens)
  }

  @Test func whatWaitsPastItsDeadlineLeavesBeforeItsTurn() async throws {
    var limits = Engine.Limits()
    (limits.slice, limits.queue) = (.zero, .seconds(36_000))
    let gate = Gate()
    let engine = try engine(limits: limits) { gate.wait($0) }
    let rows = try (0..<200).map { try row($0, "lora") }
    let busy = Task { try await engine.submit(EngineRequest(rows)) }
    try await gate.waitUntilClosed()
    let waiting = engine.queuedTokens[.interactive] ?? 0
    // The same key, so that its turn comes after all the others.
    let late = Task {
      var request = EngineRequest([rows[0]])
      request.deadline = .now + .seconds(2)
      return try await engine.submit(request)
    }
    try await waitUntilQueued(engine, moreThan: waiting)
    try await Task.sleep(for: .seconds(2.1))
    gate.letOne()
    await #expect(throws: EngineError.expired) { _ = try await late.value }
    #expect(engine.queuedTokens[.interactive] ?? 0 > 0)
    busy.cancel()
    gate.open()
    await #expect(throws: CancellationError.self) { _ = try await busy.value }
  }

  @Test func anEngineWhoseEndIsCutShortRefusesWhatWaits() async throws {
    var limits = Engine.Limits()
    (limits.slice, limits.queue) = (.zero, .seconds(36_000))
    let gate = Gate()
    let engine = try engine(limits: limits) { gate.wait($0) }
    let rows = try (0..<200).map { try row($0, nil) }
    let last = Task { try await engine.submit(EngineRequest(rows)) }
    try await gate.waitUntilClosed()
    let end = Task { await engine.end() }
    end.cancel()
    await end.value
    await #expect(throws: EngineError.ending) { _ = try await last.value }
    gate.open()
  }

  @Test func anEngineThatEndsAnswersWhatWaitsAndTakesNoMore() async throws {
    var limits = Engine.Limits()
    limits.slice = .zero
    let (passes, observed) = AsyncStream<Int>.makeStream()
    let engine = try engine(limits: limits) { event in
      if case .pass(let pass) = event { observed.yield(pass.rows) }
    }
    let rows = try (0..<100).map { try row($0, nil) }
    let last = Task { try await engine.submit(EngineRequest(rows)) }
    let first = try #require(await passes.first { _ in true })
    #expect(first < rows.count)
    await engine.end()
    #expect(try await last.value.rows.count == 100)
    await #expect(throws: EngineError.ending) { _ = try await engine.submit(EngineRequest(rows)) }
  }
}

private final class Version: Sendable {
  private let state = Mutex<UInt64>(1)

  var value: UInt64 {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
