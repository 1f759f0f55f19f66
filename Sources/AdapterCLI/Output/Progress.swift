internal import Foundation

/// A progress line on standard error, shown only on a terminal.
struct Progress {
  private let isShown: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var next: ContinuousClock.Instant
  private var isOnScreen = false
  private(set) var texts = 0
  private(set) var tokens = 0

  /// - Parameter isShown: by default whether standard error is a terminal and standard output is not.
  init(isShown: Bool = Terminal.showsMessages && !Terminal.isOutput) {
    self.isShown = isShown
    start = clock.now
    next = start + .seconds(1)
  }

  var seconds: Double {
    let time = (clock.now - start).components
    return Double(time.seconds) + Double(time.attoseconds) * 1e-18
  }

  /// Counts a batch.
  mutating func add(texts: Int, tokens: Int) {
    self.texts += texts
    self.tokens += tokens
    guard isShown, clock.now >= next else { return }
    next = clock.now + .milliseconds(200)
    isOnScreen = true
    Terminal.showStatus(summary)
  }

  /// Clears the line.
  mutating func clear() {
    if isOnScreen { Terminal.clearStatus() }
    isOnScreen = false
  }

  /// Texts, tokens, seconds, tokens per second.
  var summary: String {
    let rate = tokens == 0 ? 0 : Int(Double(tokens) / max(seconds, 1e-9))
    return "\(texts) \(texts == 1 ? "text" : "texts"), \(tokens) tokens in \(seconds.formatted(decimals: 2)) s, "
      + "\(rate) tokens/s"
  }
}

extension Double {
  /// The number with a fixed number of decimals and a decimal point, whatever the locale.
  func formatted(decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
