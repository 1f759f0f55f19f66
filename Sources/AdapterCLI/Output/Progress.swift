internal import Foundation

/// A line on standard error that tells how far a long job is, if a person watches it and nothing else.
struct Progress {
  private let isShown: Bool
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var next: ContinuousClock.Instant
  private var isOnScreen = false
  private(set) var texts = 0
  private(set) var tokens = 0

  /// - Parameter isShown: by default whether messages go to a terminal that the output does not.
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

  /// Takes the line away.
  mutating func clear() {
    if isOnScreen { Terminal.clearStatus() }
    isOnScreen = false
  }

  /// Texts, tokens, seconds, tokens a second.
  var summary: String {
    let rate = tokens == 0 ? 0 : Int(Double(tokens) / max(seconds, 1e-9))
    return "\(texts) \(texts == 1 ? "text" : "texts"), \(tokens) tokens in \(seconds.formatted(decimals: 2)) s, "
      + "\(rate) tokens/s"
  }
}

extension Double {
  /// The number with so many decimals, with a point whatever the user's language.
  func formatted(decimals: Int) -> String { String(format: "%.\(decimals)f", self) }
}
