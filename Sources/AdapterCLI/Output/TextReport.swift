internal import AdapterHost

/// Counts the texts of a command, and reports failures on standard error.
struct TextReport {
  private(set) var progress = Progress()
  private var failures = 0

  /// The successful values of a batch.
  mutating func values<Value>(_ batch: [Result<Value, UnansweredText>], tokens: KeyPath<Value, Int>) -> [Value] {
    var values: [Value] = []
    for outcome in batch {
      switch outcome {
      case .success(let value): values.append(value)
      case .failure(let failure):
        progress.clear()
        Terminal.note(failure.description)
        failures += 1
      }
    }
    progress.add(texts: values.count, tokens: values.reduce(0) { $0 + $1[keyPath: tokens] })
    return values
  }

  /// - Throws: `UnansweredTexts`, if there were any.
  mutating func finish() throws(UnansweredTexts) {
    progress.clear()
    if failures > 0 { throw UnansweredTexts(count: failures) }
  }
}
