internal import AdapterHost

/// Shows answers to people: the text, followed by one or more lines per head.
struct PredictionTable {
  let width: Int
  /// The answering heads, for the width of their column.
  let heads: [String]
  /// Whether to show the probabilities of all labels.
  var showsAllScores = false
  /// Whether to show the best labels and answers instead of only the best one.
  var ranks = false

  /// The lines of one answer.
  func lines(_ prediction: Prediction) -> [String] {
    var lines = [title(prediction)]
    for (head, answer) in prediction.answers { lines += entry(head, items(answer)) }
    if prediction.truncatedTokens > 0 {
      lines += entry("", ["(\(prediction.truncatedTokens) tokens cut off)"])
    }
    return lines
  }

  private func title(_ prediction: Prediction) -> String {
    let texts = [prediction.input.text, prediction.input.pair].compactMap { $0 }
    // Only the shown part of a long text is processed.
    let title = texts.map { String($0.unicodeScalars.prefix(4 * max(width, 1))).onOneLine }.joined(separator: " | ")
    return title.isEmpty ? "(empty)" : title.cut(to: width)
  }

  /// The width of the heads' column; 0 if a narrow terminal has heads on separate lines.
  private var column: Int {
    let longest = heads.map(\.columns).max() ?? 0
    return width < 36 ? 0 : min(longest, width * 2 / 5)
  }

  /// The width for values.
  private var room: Int { max(8, width - column - 4) }

  private func entry(_ head: String, _ items: [String]) -> [String] {
    let values = wrapped(items, separator: " · ", width: room)
    if column == 0 { return (head.isEmpty ? [] : ["  " + head.cut(to: width - 2)]) + values.map { "    " + $0 } }
    return values.enumerated().map { index, value in
      "  \((index == 0 ? head : "").cut(to: column).padded(to: column))  \(value)"
    }
  }

  private func items(_ answer: Answer) -> [String] {
    switch answer {
    case .label(let best, let all): showsAllScores || ranks ? sorted(all) : [text(best)]
    case .labels(let chosen, let all):
      showsAllScores || ranks ? sorted(all) : chosen.isEmpty ? ["(none)"] : chosen.map(text)
    case .value(let value): ["\(value)"]
    case .words(let words): self.words(words)
    case .entities(let entities): entities.isEmpty ? ["(none)"] : entities.map(span)
    case .masks(let masks): masks.isEmpty ? ["(no [MASK])"] : masks.flatMap(self.pieces)
    case .answer(let answer, let all): ranks ? all.map(found) : [found(answer)]
    case .zeroShot(let labels): labels.map(text)
    case .choice(let best, let all): showsAllScores ? sorted(all) : [text(all[best])]
    }
  }

  /// An answer with its position in the context.
  private func found(_ answer: ContextAnswer) -> String {
    guard let range = answer.range else { return "(no answer) \(score(answer.score))" }
    let context = answer.context.map { "\($0):" } ?? ""
    return item(answer.text, " \(context)\(range.lowerBound)-\(range.upperBound) \(score(answer.score))")
  }

  /// The pieces for one `[MASK]`; with several masks the first one shows its token.
  private func pieces(_ mask: MaskedToken) -> [String] {
    mask.predictions.enumerated().map { index, prediction in
      let piece = prediction.piece == nil ? "id \(prediction.id)" : prediction.text
      return item((index == 0 ? "\(mask.token): " : "") + piece, " \(score(prediction.score))")
    }
  }

  /// Words with their labels. If most of many words share a label, only their number is shown.
  private func words(_ words: [LabeledSpan]) -> [String] {
    let counts = Dictionary(words.map { ($0.label, 1) }, uniquingKeysWith: +)
    let common = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
    let hidden = common.flatMap { counts.count > 1 && $0.value > 2 && 2 * $0.value >= words.count ? $0.key : nil }
    let shown = words.filter { $0.label != hidden || showsAllScores }.map(span)
    guard let hidden, !showsAllScores else { return shown.isEmpty ? ["(none)"] : shown }
    return shown + ["\(words.count - shown.count) others \(hidden.onOneLine)"]
  }

  private func span(_ span: LabeledSpan) -> String { item(span.text, " \(span.label.onOneLine) \(score(span.score))") }

  private func sorted(_ all: [ScoredLabel]) -> [String] { all.sorted { $0.score > $1.score }.map(text) }

  private func text(_ label: ScoredLabel) -> String { item(label.label, " \(score(label.score))") }

  /// A text with a suffix that must stay visible.
  private func item(_ text: String, _ end: String) -> String {
    text.onOneLine.cut(to: max(4, room - end.columns)) + end
  }

  private func score(_ score: Float) -> String { Double(score).formatted(decimals: 2) }
}
