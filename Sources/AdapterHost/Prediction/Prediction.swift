internal import Checkpoints
public import Tasks

/// What the heads say about one text.
public struct Prediction: Sendable {
  public let input: TextInput
  /// The heads' answers, in the order of the setup.
  public let answers: [(head: String, answer: Answer)]
  /// Why other heads gave none: what the text lacks that they read.
  public let lacks: [PredictionError]
  /// The tokens that were read, the specials included; those of every choice, if a head chooses.
  public let tokenCount: Int
  /// The tokens that were read at a time: those of the longest choice, if a head chooses.
  public let longestSequence: Int
  /// Whether those are the tokens of the text with a choice.
  public let isLongestWithChoice: Bool
  /// The tokens that were cut off to respect the maximum length.
  public let truncatedTokens: Int

  /// The answer of a head, if it gave one.
  public subscript(head name: String) -> Answer? { answers.first { $0.head == name }?.answer }
}

// MARK: - JSON

extension Prediction {
  /// The answer on one line: `{"index": 0, "text": "...", "heads": {"NAME": ...}}`.
  ///
  /// `id`, `pair`, `contexts` and `choices` are there if the input has them, `truncated` if tokens were cut off.
  /// - Parameters:
  ///   - allScores: writes the scores of all labels.
  ///   - ranking: writes the best labels or answers that the options ask for.
  public func json(allScores: Bool = false, ranking: Bool = false) -> String {
    var members: [(String, String)] = [("index", "\(input.index)")]
    if let id = input.id { members.append(("id", id.line)) }
    members.append(("text", JSONValue.string(input.text).line))
    // Spans are counted in the words joined by spaces, which the text need not be.
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
