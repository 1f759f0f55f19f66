internal import AdapterHost
internal import Foundation
internal import Synchronization

/// Standard output, with everything escaped that a terminal would act on. It is written by whole lines: whenever the
/// process ends, none is half written.
final class LineOutput: Sendable {
  /// One for the process, as standard output is.
  static let standard = LineOutput()

  private struct State {
    var pending = ""
    /// Why something before could not be written; nothing is written after it.
    var failure: OutputError?
  }

  private let state = Mutex(State())

  /// So many bytes are written without a request.
  private static let room = 1 << 16

  private init() {}

  /// Adds a line, or several; they are written now or later.
  ///
  /// - Throws: `OutputError`, for instance when the disk is full.
  func add(_ line: String, terminator: String = "\n") throws(OutputError) {
    let text = line.escaped + terminator
    let isFull = state.withLock { state in
      state.pending += text
      return state.pending.utf8.count > Self.room
    }
    if isFull { try flush() }
  }

  /// Writes what was added.
  ///
  /// - Throws: `OutputError` for this text, or for any text before it; also if there is nothing to write but the output
  ///   takes nothing, since an empty listing that could not be written looks like one that was.
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

  /// Gives closed standard descriptors a file that takes and gives nothing, so that no other file gets their numbers.
  static func reserveStandardDescriptors() {
    for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
      // Reading the input and writing the outputs fail, as they do when these are closed.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }

  /// Lets SIGINT, SIGTERM and SIGHUP end the process between two lines, with everything written that was added, with
  /// no file or folder left that is not whole, and with 128 plus the signal's number as exit code. A second one ends it
  /// at once. A reader that goes away ends it quietly.
  func endsCleanlyOnSignals() {
    signal(SIGPIPE, SIG_DFL)
    guard SignalPipe.shared.isOpen else { return }
    var handled = sigset_t()
    sigemptyset(&handled)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // Whoever started the process may have wanted it to stay, as nohup does.
      let previous = signal(number) { SignalPipe.shared.write($0) }
      if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { signal(number, SIG_IGN) }
      sigaddset(&handled, number)
    }
    // A thread of a pool that started the process may have handed its blocked signals down.
    pthread_sigmask(SIG_UNBLOCK, &handled, nil)
    Thread {
      let number = SignalPipe.shared.read()
      signal(number, SIG_DFL)
      Drafts.removeAll()
      if Terminal.showsMessages { Terminal.note("") }
      // Who waits for a reader that does not read holds the lines; then they are left.
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

  /// Leaves the end of the process to a signal, if one was received: what fails then fails because of it.
  func leavesTheEndToASignal() {
    while SignalPipe.received.load(ordering: .acquiring) { pause() }
  }
}

/// Carries a signal from its handler, where hardly anything is allowed, to a thread.
///
/// Waiting for blocked signals would be simpler, but OpenBLAS starts threads
/// before `main`, and those do not block them.
private struct SignalPipe: Sendable {
  /// One for the process, as handlers are.
  static let shared = SignalPipe()
  /// Whether there was one.
  static let received = Atomic<Bool>(false)

  private let input: Int32
  private let output: Int32

  private init() {
    var ends: [Int32] = [-1, -1]
    if pipe(&ends) != 0 { ends = [-1, -1] }
    (output, input) = (ends[0], ends[1])
  }

  /// Whether the system had descriptors left for it.
  var isOpen: Bool { input >= 0 }

  /// May be called by a handler.
  func write(_ signal: Int32) {
    let code = errno
    Self.received.store(true, ordering: .releasing)
    var byte = UInt8(truncatingIfNeeded: signal)
    _ = Foundation.write(input, &byte, 1)
    errno = code
  }

  /// The next signal, awaited.
  func read() -> Int32 {
    var byte: UInt8 = 0
    while Foundation.read(output, &byte, 1) != 1 {}
    return Int32(byte)
  }
}

/// Why answers cannot be written.
struct OutputError: Error, CustomStringConvertible {
  let code: Int32

  var description: String { "Standard output cannot be written (\(String(cString: strerror(code))))." }
}

/// Prints a text, in place of Swift's function, which stays silent when the output takes nothing.
///
/// The end of the program reports what could not be written.
func print(_ text: String, terminator: String = "\n") {
  try? LineOutput.standard.add(text, terminator: terminator)
  if Terminal.isOutput { try? LineOutput.standard.flush() }
}
