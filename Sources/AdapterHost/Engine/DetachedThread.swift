internal import Glibc

/// Starts a detached thread; false if the system cannot.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
  let start = Unmanaged.passRetained(ThreadStart(body))
  var thread = pthread_t()
  let status = pthread_create(
    &thread, nil,
    { pointer in
      if let pointer { Unmanaged<ThreadStart>.fromOpaque(pointer).takeRetainedValue().body() }
      return nil
    }, start.toOpaque())
  guard status == 0 else {
    start.release()
    return false
  }
  pthread_detach(thread)
  return true
}

/// The entry point of a new thread.
private final class ThreadStart: Sendable {
  let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
