internal import Dispatch
internal import Synchronization

/// A sequence whose next element is computed in advance on a separate thread.
///
/// If the system cannot start a thread, elements are computed on request.
final class Prefetch<State, Element: Sendable>: Sendable {
  private let worker: Worker
  private let isAhead: Bool

  /// - Parameters:
  ///   - state: the state for computing elements; owned by the worker from now on.
  ///   - make: computes the next element; nil ends the sequence.
  init(_ state: consuming sending State, _ make: @escaping @Sendable (inout State) throws -> Element?) {
    worker = Worker(state, make)
    isAhead = startThread { [worker] in worker.work() }
  }

  deinit { worker.stop() }

  /// The next element, waiting for it; nil after the last one, and after an error.
  func next() throws -> Element? { try isAhead ? worker.next() : worker.make().get() }

  /// The thread's part. It outlives the sequence while an element is being computed.
  private final class Worker: Sendable {
    private let state: Mutex<State>
    private let body: @Sendable (inout State) throws -> Element?
    private let slot = Mutex<Result<Element?, any Error>?>(nil)
    private let hasEnded = Atomic(false)
    // Dispatch traps if a semaphore is released below its initial value, so both start at 0.
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)

    init(_ state: consuming sending State, _ body: @escaping @Sendable (inout State) throws -> Element?) {
      self.state = Mutex(state)
      self.body = body
      free.signal()
    }

    /// The next element; nil after one was nil or failed.
    func make() -> Result<Element?, any Error> {
      if hasEnded.load(ordering: .acquiring) { return .success(nil) }
      let result = state.withLock { state in Result { try body(&state) } }
      guard case .success(.some) = result else {
        hasEnded.store(true, ordering: .releasing)
        return result
      }
      return result
    }

    func work() {
      while true {
        free.wait()
        if hasEnded.load(ordering: .acquiring) { return }
        let result = make()
        slot.withLock { $0 = result }
        filled.signal()
        guard case .success(.some) = result else { return }
      }
    }

    func next() throws -> Element? {
      filled.wait()
      let result = slot.withLock { slot in
        defer { slot = nil }
        return slot
      }
      guard case .success(let element?)? = result else {
        // Further calls find the end.
        filled.signal()
        _ = try result?.get()
        return nil
      }
      free.signal()
      return element
    }

    func stop() {
      hasEnded.store(true, ordering: .releasing)
      free.signal()
    }
  }
}
