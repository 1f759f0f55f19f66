internal import Dispatch
internal import Synchronization

/// A sequence whose next element is made in advance, on a separate thread, in order.
///
/// Where the system starts no further thread, elements are made when they are requested.
final class Prefetch<State, Element: Sendable>: Sendable {
  private let worker: Worker
  private let isAhead: Bool

  /// - Parameters:
  ///   - state: what elements are made from; it belongs to the worker from now on.
  ///   - make: makes the next element; nil ends the sequence.
  init(_ state: consuming sending State, _ make: @escaping @Sendable (inout State) throws -> Element?) {
    worker = Worker(state, make)
    isAhead = startThread { [worker] in worker.work() }
  }

  deinit { worker.stop() }

  /// The next element, awaited; nil after the last one, and after an error.
  func next() throws -> Element? { try isAhead ? worker.next() : worker.make().get() }

  /// The thread's half. It outlives the sequence while an element is being made.
  private final class Worker: Sendable {
    private let state: Mutex<State>
    private let body: @Sendable (inout State) throws -> Element?
    private let slot = Mutex<Result<Element?, any Error>?>(nil)
    private let hasEnded = Atomic(false)
    // Dispatch ends the process when a semaphore is freed below the value it was created with, so both start at 0.
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)

    init(_ state: consuming sending State, _ body: @escaping @Sendable (inout State) throws -> Element?) {
      self.state = Mutex(state)
      self.body = body
      free.signal()
    }

    /// The next element; nil once one was nil or failed.
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
        // Whoever calls again finds the end.
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
