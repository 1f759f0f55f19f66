internal import Checkpoints
public import Tasks

/// The heads' answers for one text.
public struct Prediction: Sendable {
  public let input: TextInput
  /// The answers, in the order of the setup.
  public let answers: [(head: String, answer: Answer)]
  /// Why other heads gave none: the inputs that the text does not have.
  public let lacks: [PredictionError]
  /// The number of tokens read, including special ones; over all choices, if a head chooses.
  public let tokenCount: Int
  /// The length of the longest sequence: that of the longest choice, if a head chooses.
  public let longestSequence: Int
  /// Whether that sequence includes a choice.
  public let isLongestWithChoice: Bool
  /// The number of truncated tokens.
  public let truncatedTokens: Int

  /// The answer of a head, if it gave one.
  public subscript(head name: String) -> Answer? { answers.first { $0.head == name }?.answer }
}

// MARK: - JSON

extension Prediction {
  /// The answers as one JSON line: `{"index": 0, "text": "...", "heads": {"NAME": ...}}`.
  ///
  /// With `id`, `pair`, `contexts` and `choices` if the input has them, and `truncated` if tokens were truncated.
  /// - Parameters:
  ///   - allScores: whether to write the scores of all labels.
  ///   - ranking: whether to write the best labels or answers that the options request.
  public func json(allScores: Bool = false, ranking: Bool = false) -> String {
    var members: [(String, String)] = [("index", "\(input.index)")]
    if let id = input.id { members.append(("id", id.line)) }
    members.append(("text", JSONValue.string(input.text).line))
    // Spans refer to the words joined by spaces, which may differ from the text.
    if let words = input.words, input.sentence.text != input.text {
      members.append(("words", JSONLine.strings(words)))
    }
    if let pair = input.pair { members.append(("pair", JSONValue.string(pair).line)) }
    if !input.contexts.isEmpty { members.append(("contexts", JSONLine.strings(input.contexts))) }
    if !input.choices.isEmpty { members.append(("choices", JSONLine.strings(input.choices))) }
    members.append(
      ("heads", JSONLine.object(answers.map { ($0.head, $0.answer.json(allScores: allScores, ranking: ranking)) })))
    if truncatedTokens > 0 { members.append(("truncated", "\(truncatedTokens)")) }
    return JSONLine.object(members)
  }
}
