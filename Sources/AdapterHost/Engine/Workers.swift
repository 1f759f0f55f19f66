internal import Foundation

/// Threads for work that neither computes nor waits for the network: tokenization, reading adapters, making answers. It
/// does not run on Swift's cooperative threads, of which a small machine has two.
final class Workers: Sendable {
  private let queue: OperationQueue

  init(count: Int) {
    queue = OperationQueue()
    queue.maxConcurrentOperationCount = count
  }

  func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.addOperation { continuation.resume(with: Result { try body() }) }
    }
  }
}
