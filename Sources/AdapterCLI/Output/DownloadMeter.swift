internal import AdapterHost
internal import Synchronization

/// A line on standard error that shows how far a download or an upload is, if a person watches it.
final class DownloadMeter: Sendable {
  private struct State {
    var next = ContinuousClock.now + .milliseconds(300)
    var isOnScreen = false
  }

  private let state = Mutex(State())
  private let isShown = Terminal.showsMessages

  @Sendable func show(_ progress: HubProgress) {
    guard isShown else { return }
    state.withLock { state in
      guard ContinuousClock.now >= state.next else { return }
      state.next = .now + .milliseconds(200)
      state.isOnScreen = true
      let share = progress.total > 0 ? progress.received * 100 / progress.total : 100
      let bar = String(repeating: "#", count: share / 5) + String(repeating: "-", count: 20 - share / 5)
      Terminal.showStatus(
        "[\(bar)] \(share) %  \(progress.received.asBytes) of \(progress.total.asBytes)  \(progress.file)")
    }
  }

  /// Takes the line away.
  func clear() { if state.withLock({ $0.isOnScreen }) { Terminal.clearStatus() } }
}
