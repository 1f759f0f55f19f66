internal import AdapterHost
internal import Foundation
internal import Synchronization

/// Standard output with terminal control characters escaped. It is written in whole lines: however the process ends, no
/// line is incomplete.
final class LineOutput: Sendable {
  /// One per process, like standard output.
  static let standard = LineOutput()

  private struct State {
    var pending = ""
    /// The first write error; nothing is written after it.
    var failure: OutputError?
  }

  private let state = Mutex(State())

  /// The number of buffered bytes that triggers a write.
  private static let room = 1 << 16

  private init() {}

  /// Adds one or more lines, which may be buffered.
  ///
  /// - Throws: `OutputError`, for example if the disk is full.
  func add(_ line: String, terminator: String = "\n") throws(OutputError) {
    let text = line.escaped + terminator
    let isFull = state.withLock { state in
      state.pending += text
      return state.pending.utf8.count > Self.room
    }
    if isFull { try flush() }
  }

  /// Writes the buffered lines.
  ///
  /// - Throws: `OutputError` for this text or any before it; also if there is nothing to write but the output is
  ///   closed, because an empty listing would look like one that was written.
  func flush() throws(OutputError) {
    let failure = state.withLock { state in
      if state.failure == nil, state.pending.isEmpty, write(STDOUT_FILENO, "", 0) < 0, errno == ENOSPC {
        state.failure = OutputError(code: errno)
      }
      if state.failure == nil, !Terminal.write(state.pending, to: STDOUT_FILENO) {
        state.failure = OutputError(code: errno)
      }
      state.pending = ""
      return state.failure
    }
    if let failure { throw failure }
  }

  /// Opens closed standard descriptors on /dev/null, so that no other file gets their numbers.
  static func reserveStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      // Reading the input and writing the outputs fail, as they do on closed descriptors.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// On SIGINT, SIGTERM and SIGHUP, exits between two lines, after writing the buffered lines and removing incomplete
  /// files and folders, with 128 plus the signal's number as exit code. A second signal exits at once. SIGPIPE exits
  /// quietly.
  func endsCleanlyOnSignals() {
    signal(SIGPIPE, SIG_DFL)
    guard SignalPipe.shared.isOpen else { return }
    var handled = sigset_t()
    sigemptyset(&handled)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // The parent process may want it to be ignored, as nohup does.
      let previous = signal(number) { SignalPipe.shared.write($0) }
      if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(number, SIG_IGN) }
      sigaddset(&handled, number)
    }
    // A parent process's pool thread may have passed on its blocked signals.
    pthread_sigmask(SIG_UNBLOCK, &handled, nil)
    Thread {
      let number = SignalPipe.shared.read()
      signal(number, SIG_DFL)
      Drafts.removeAll()
      if Terminal.showsMessages { Terminal.note("") }
      // A writer blocked by a reader that does not read holds the lock on the lines; they are then dropped.
      for _ in 0..<100 {
        self.state.withLockIfAvailable { state in
          Terminal.write(state.pending, to: STDOUT_FILENO)
          _exit(128 + number)
        }
        usleep(10_000)
      }
      _exit(128 + number)
    }.start()
  }

  /// Lets a received signal end the process: subsequent failures are caused by it.
  func leavesTheEndToASignal() {
    while SignalPipe.received.load(ordering: .acquiring) { pause() }
  }
}

/// Passes a signal from its handler, where few calls are allowed, to a thread.
///
/// Waiting for blocked signals would be simpler, but OpenBLAS starts threads before `main`, which do not block them.
private struct SignalPipe: Sendable {
  /// One per process, like signal handlers.
  static let shared = SignalPipe()
  /// Whether a signal was received.
  static let received = Atomic<Bool>(false)

  private let input: Int32
  private let output: Int32

  private init() {
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) != 0 { ends = [-1, -1] }
    (output, input) = (ends[0], ends[1])
  }

  /// Whether the system had descriptors left for the pipe.
  var isOpen: Bool { input >= 0 }

  /// Safe to call in a signal handler.
  func write(_ signal: Int32) {
    let code = errno
    Self.received.store(true, ordering: .releasing)
    var byte = UInt8(truncatingIfNeeded: signal)
    _ = Foundation.write(input, &byte, 1)
    errno = code
  }

  /// The next signal, waiting for it.
  func read() -> Int32 {
    var byte: UInt8 = 0
    while Foundation.read(output, &byte, 1) != 1 {}
    return Int32(byte)
  }
}

/// Why output cannot be written.
struct OutputError: Error, CustomStringConvertible {
  let code: Int32

  var description: String { "Standard output cannot be written (\(String(cString: strerror(code))))." }
}

/// Prints a text, instead of Swift's function, which ignores write errors.
///
/// The program reports them when it exits.
func print(_ text: String, terminator: String = "\n") {
  try? LineOutput.standard.add(text, terminator: terminator)
  if Terminal.isOutput { try? LineOutput.standard.flush() }
}
