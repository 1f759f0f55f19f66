internal import Dispatch
internal import Foundation
internal import Synchronization

/// Elements that are made one ahead, on a thread of its own, in their order.
final class Prefetch<State, Element: Sendable>: Sendable {
  private let shared: Shared

  /// - Parameters:
  ///   - state: what elements are made from; the thread alone has it from now on.
  ///   - make: makes the next element; nil ends.
  init(_ state: consuming sending State, _ make: @escaping @Sendable (inout State) throws -> Element?) {
    let shared = Shared(state, make)
    self.shared = shared
    Thread { shared.work() }.start()
  }

  deinit { shared.stop() }

  /// The next element, awaited; nil after the last one.
  func next() throws -> Element? { try shared.next() }

  private final class Shared: Sendable {
    private let state: Mutex<State>
    private let make: @Sendable (inout State) throws -> Element?
    private let slot = Mutex<Result<Element?, any Error>?>(nil)
    private let isStopped = Atomic(false)
    private let free = DispatchSemaphore(value: 1)
    private let filled = DispatchSemaphore(value: 0)

    init(_ state: consuming sending State, _ make: @escaping @Sendable (inout State) throws -> Element?) {
      self.state = Mutex(state)
      self.make = make
    }

    func work() {
      while true {
        free.wait()
        if isStopped.load(ordering: .acquiring) { return }
        let result = state.withLock { state in Result { try make(&state) } }
        slot.withLock { $0 = result }
        filled.signal()
        guard case .success(.some) = result else { return }
      }
    }

    func next() throws -> Element? {
      filled.wait()
      let result = slot.withLock { $0 }
      guard let element = try result?.get() else {
        filled.signal()
        return nil
      }
      free.signal()
      return element
    }

    func stop() {
      isStopped.store(true, ordering: .releasing)
      free.signal()
    }
  }
}
