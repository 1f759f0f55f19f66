internal import AdapterHost

/// Prints answers as they arrive, and errors on standard error.
struct PredictionPrinter {
  private let lines: LineOutput
  /// Nil prints JSON Lines.
  private let table: PredictionTable?
  private let showsAllScores: Bool
  /// Whether to print the best labels and answers instead of only the best one.
  private let ranks: Bool
  /// The token length from which to warn about long texts; nil after the warning.
  private var advisedLength: Int?
  /// Whether the warning about texts without masks was given.
  private var hasAdvisedMasks = false
  /// The warnings given about inputs missing for some heads.
  private var advisedLacks: Set<PredictionError> = []
  private(set) var progress = Progress()
  private(set) var failures = 0

  init(_ lines: LineOutput, table: PredictionTable?, showsAllScores: Bool, ranks: Bool, advisedLength: Int?) {
    self.lines = lines
    self.table = table
    self.showsAllScores = showsAllScores
    self.ranks = ranks
    self.advisedLength = advisedLength
  }

  /// Prints a batch.
  mutating func print(_ batch: [Result<Prediction, UnansweredText>]) throws(OutputError) {
    var (texts, tokens) = (0, 0)
    for outcome in batch {
      switch outcome {
      case .success(let prediction):
        try lines.add(text(prediction, isFirst: progress.texts + texts == 0))
        advise(on: prediction)
        texts += 1
        tokens += prediction.tokenCount
      case .failure(let failure):
        note(failure.description)
        failures += 1
      }
    }
    try lines.flush()
    progress.add(texts: texts, tokens: tokens)
  }

  /// Ends the output.
  ///
  /// - Throws: `UnansweredTexts`, if there are any.
  mutating func finish() throws(UnansweredTexts) {
    progress.clear()
    if failures > 0 { throw UnansweredTexts(count: failures) }
  }

  private func text(_ prediction: Prediction, isFirst: Bool) -> String {
    guard let table else { return prediction.json(allScores: showsAllScores, ranking: ranks) }
    return (isFirst ? "" : "\n") + table.lines(prediction).joined(separator: "\n")
  }

  private mutating func advise(on prediction: Prediction) {
    let line = "line \(prediction.input.index + 1):"
    for lack in prediction.lacks where advisedLacks.insert(lack).inserted {
      note("\(line) \(lack) The other heads answer.")
    }
    if prediction.answers.allSatisfy({ $0.answer == .masks([]) }) {
      failures += 1
      if hasAdvisedMasks { return }
      hasAdvisedMasks = true
      let heads = prediction.answers.map { "'\($0.head)'" }.joined(separator: " and ")
      note(
        "\(line) the text has no [MASK], and nothing else is answered by \(heads). Name an adapter that has a head with "
          + "--setup or --adapter, or activate one.")
    }
    guard let limit = advisedLength, prediction.longestSequence > limit else { return }
    advisedLength = nil
    let part =
      prediction.isLongestWithChoice
      ? " with its longest choice" : prediction.input.pair == nil ? "" : " with its pair"
    note(
      "\(line) the text\(part) has \(prediction.longestSequence) tokens; beyond \(limit) this model's layers cannot "
        + "tell all distances. --max-length cuts texts.")
  }

  private mutating func note(_ text: String) {
    progress.clear()
    Terminal.note(text)
  }
}

/// Some texts have no answer; each was reported.
struct UnansweredTexts: Error, CustomStringConvertible {
  let count: Int

  var description: String { count == 1 ? "1 text has no answer." : "\(count) texts have no answer." }
}
