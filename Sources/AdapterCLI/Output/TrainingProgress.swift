internal import AdapterHost
internal import Foundation
internal import Glibc
internal import Synchronization

/// Shows the events of a run: a progress line on a terminal, elsewhere a line per evaluation.
struct TrainingProgress {
  private let isLive = Terminal.showsMessages
  private let tells: Bool
  private let clock = ContinuousClock()
  private var next = ContinuousClock.now
  private var isOnScreen = false

  /// - Parameter tells: whether to print evaluations if there is no terminal.
  init(tells: Bool) { self.tells = tells }

  mutating func show(_ event: TrainingEvent) {
    switch event {
    case .resumed(let step): note("Resumed after step \(step).")
    case .adjusted(let changes): note("From here on: \(changes.map(\.description).joined(separator: "; ")).")
    case .step(let report):
      guard isLive, clock.now >= next || report.step == report.totalSteps else { return }
      next = clock.now + .milliseconds(200)
      isOnScreen = true
      Terminal.showStatus(report.line(width: Terminal.messageWidth))
    case .evaluation(let report, let isBest):
      if isLive || tells {
        note("step \(report.step): \(report.result.text)\(isBest ? " (best \(report.result.primary.name))" : "")")
      }
    case .saved: break
    }
  }

  mutating func clear() {
    if isOnScreen { Terminal.clearStatus() }
    isOnScreen = false
  }

  private mutating func note(_ text: String) {
    clear()
    Terminal.note(text)
  }
}

extension StepReport {
  /// A progress bar and the figures that fit.
  fileprivate func line(width: Int) -> String {
    let figures = [
      "\(step)/\(totalSteps)", "loss \(Double(loss).formatted(decimals: 4))",
      "\(Int(tokensPerSecond)) tokens/s", "\(Int(remainingSeconds).clock) left",
      "rate \(String(format: "%.2g", learningRate))",
    ]
    var text = ""
    for figure in figures where text.count + figure.count + 2 < width - 12 {
      text += (text.isEmpty ? "" : "  ") + figure
    }
    let room = min(max(width - text.count - 4, 0), 30)
    guard room >= 5 else { return text }
    let done = room * step / max(totalSteps, 1)
    return "[" + String(repeating: "=", count: done) + String(repeating: " ", count: room - done) + "] " + text
  }
}

extension Int {
  /// Seconds as minutes and seconds, or hours, minutes and seconds.
  fileprivate var clock: String {
    let (hours, minutes, seconds) = (self / 3600, self / 60 % 60, self % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, seconds) : String(format: "%d:%02d", minutes, seconds)
  }
}

/// Records Ctrl-C, SIGHUP and SIGTERM, so that a run ends properly; a second signal ends the process at once.
struct Interruption {
  /// The signal; 0 for none.
  private static let received = Atomic<Int32>(0)
  private static let signals = [SIGINT, SIGTERM, SIGHUP]

  init() {
    Self.received.store(0, ordering: .relaxed)
    // The parent process may have blocked them, or may want them to be ignored, as nohup does.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in Self.signals {
      let previous = Glibc.signal(number) { number in
        if Interruption.received.exchange(number, ordering: .relaxed) != 0 {
          Glibc.signal(number, SIG_DFL)
          raise(number)
        }
      }
      if unsafeBitCast(previous, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { Glibc.signal(number, SIG_IGN) }
      sigaddset(&unblocked, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
  }

  /// The signal that was received, if any.
  var signal: Int32? {
    let number = Self.received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
