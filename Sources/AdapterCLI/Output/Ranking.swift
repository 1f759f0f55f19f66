internal import AdapterHost

/// Texts sorted by score, highest first; ties keep input order.
struct Ranking {
  private let limit: Int?
  private var texts: [RankedText] = []

  /// - Parameter limit: the maximum number of texts to keep; nil for all.
  init(limit: Int?) { self.limit = limit }

  mutating func add(_ input: TextInput, score: Float) {
    texts.append(RankedText(input, score: score))
    if let limit, texts.count >= 2 * limit + 1_000 { texts = best }
  }

  private var best: [RankedText] {
    let order = texts.sorted { ($0.score, $1.input.index) > ($1.score, $0.input.index) }
    return limit.map { Array(order.prefix($0)) } ?? order
  }

  /// Prints the best texts.
  func print(asTable: Bool) throws(OutputError) {
    for text in best { try LineOutput.standard.add(asTable ? text.line : text.json) }
    try LineOutput.standard.flush()
  }
}

/// A text, or a pair of texts, with a score.
struct RankedText {
  let input: TextInput
  let score: Float

  init(_ input: TextInput, score: Float) {
    self.input = input
    self.score = score
  }

  var json: String {
    var members: [(key: String, value: JSONValue)] = [("index", .integer(input.index))]
    if let id = input.id { members.append(("id", id)) }
    members.append(("text", .string(input.text)))
    if let pair = input.pair { members.append(("pair", .string(pair))) }
    members.append(("score", .number((Double(score) * 1e6).rounded() / 1e6)))
    return "{" + members.map { JSONValue.string($0.key).line + ": " + $0.value.line }.joined(separator: ", ") + "}"
  }

  /// The score and the text, for display.
  var line: String {
    let text = [input.text, input.pair].compactMap { $0?.onOneLine }.joined(separator: " | ")
    let score = Double(score).formatted(decimals: 3)
    return score.padded(to: 7) + " " + text.cut(to: max(8, Terminal.width - 8))
  }
}
