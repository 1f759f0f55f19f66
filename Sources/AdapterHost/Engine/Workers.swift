internal import Foundation
internal import Synchronization

/// Whether somebody waits for what a worker makes.
public final class Wanted: Sendable {
  private let isOver = Atomic(false)
  private let deadline: ContinuousClock.Instant?

  init(until deadline: ContinuousClock.Instant?) { self.deadline = deadline }

  func end() { isOver.store(true, ordering: .releasing) }

  /// - Throws: `CancellationError` if nobody waits any more, `EngineError.expired` after the deadline.
  public func check() throws {
    if isOver.load(ordering: .acquiring) { throw CancellationError() }
    if let deadline, deadline < .now { throw EngineError.expired }
  }
}

/// Threads for work that neither computes nor waits for the network: tokenization, reading adapters, making answers. It
/// does not run on Swift's cooperative threads, of which a small machine has two.
final class Workers: Sendable {
  private let queue: OperationQueue

  init(count: Int) {
    queue = OperationQueue()
    queue.maxConcurrentOperationCount = count
  }

  /// Runs work that can stop when its task is cancelled or a deadline passes; what has not begun by then never does.
  func run<Value: Sendable>(
    until deadline: ContinuousClock.Instant? = nil, _ body: @escaping @Sendable (Wanted) throws -> Value
  ) async throws -> Value {
    let wanted = Wanted(until: deadline)
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        queue.addOperation {
          continuation.resume(
            with: Result {
              try wanted.check()
              return try body(wanted)
            })
        }
      }
    } onCancel: {
      wanted.end()
    }
  }
}
