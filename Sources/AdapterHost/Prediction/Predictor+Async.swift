internal import Dispatch
internal import Synchronization

extension Predictor {
  /// Answers texts on a separate thread, without blocking the caller's.
  ///
  /// - Throws: `UnansweredText` for the first text that cannot be answered; `CancellationError`, at most one batch
  ///   after the task was cancelled.
  public func answers(to texts: [String]) async throws -> [Prediction] {
    try await answers(to: texts.enumerated().map { TextInput($1, index: $0) })
  }

  /// Answers texts with the adapters that each names, on a separate thread.
  ///
  /// - Throws: the errors of ``answers(to:)-([String])``.
  public func answers(to inputs: [TextInput]) async throws -> [Prediction] {
    var predictions: [Prediction] = []
    for try await outcome in outcomes(of: inputs) { predictions.append(try outcome.get()) }
    try Task.checkCancellation()
    return predictions
  }

  /// The outcome of each text as soon as its batch is computed.
  ///
  /// Computation stops when the sequence is no longer awaited.
  ///
  /// ```swift
  /// for try await outcome in predictor.outcomes(of: inputs) {
  ///   print(try outcome.get().json())
  /// }
  /// ```
  public func outcomes(
    of inputs: [TextInput]
  ) -> AsyncThrowingStream<Result<Prediction, UnansweredText>, any Error> {
    AsyncThrowingStream { continuation in
      let hasEnded = Flag()
      continuation.onTermination = { _ in hasEnded.set() }
      DispatchQueue.global().async {
        do {
          try predict(TextSource(inputs)) { batch in
            for outcome in batch { continuation.yield(outcome) }
            if hasEnded.isSet { throw CancellationError() }
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
    }
  }
}

/// A flag set by one thread for another.
private final class Flag: Sendable {
  private let value = Atomic(false)

  var isSet: Bool { value.load(ordering: .acquiring) }

  func set() { value.store(true, ordering: .releasing) }
}
