internal import Checkpoints
internal import Tasks

/// What cutting a text into tokens may take.
struct TokenBounds: Sendable {
  /// The most tokens of all sequences that heads read of it.
  var limit = Limits.textTokens
  /// Throws when the tokens are no longer wanted.
  var check: @Sendable () throws -> Void = {}
  private var made = 0

  init() {}

  init(limit: Int, check: @escaping @Sendable () throws -> Void) {
    self.limit = limit
    self.check = check
  }

  /// Counts the tokens of what `make` makes of the text; it is given how many are left.
  ///
  /// - Throws: `PredictionError.tooManyTokens`; what `check` and `make` throw.
  mutating func spend(_ make: (Int) throws -> TextWindows) throws -> TextWindows {
    try check()
    let windows = try make(limit - made)
    made += windows.tokenCount
    guard made <= limit else { throw PredictionError.tooManyTokens(made, limit: limit) }
    return windows
  }
}
