internal import Checkpoints

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

/// A label and its probability.
public struct ScoredLabel: Sendable, Hashable {
  public let label: String
  public let score: Float
}

/// What one head says about one text.
public enum Answer: Sendable, Hashable {
  /// The likeliest label with its probability (softmax), and those of all labels in the head's order.
  case label(ScoredLabel, all: [ScoredLabel])
  /// The labels with a probability (sigmoid) over 0.5, and those of all labels in the head's order.
  case labels([ScoredLabel], all: [ScoredLabel])
  /// The number that a head with one output gives.
  case value(Float)
  /// A label for each word, as of parts of speech.
  case words([LabeledSpan])
  /// Parts of the text that are of a kind, whole words each; see `TagScheme`.
  case entities([LabeledSpan])
  /// What stands in the place of each `[MASK]` of the text.
  case masks([MaskedToken])
  /// The part of the pair that answers the question that the text is.
  case answer(ContextAnswer)
  /// The likeliest of the choices, counted from 0, and the probabilities of all (softmax) with their texts, in order.
  case choice(index: Int, all: [ScoredLabel])
}

/// A part of a text with its label.
public struct LabeledSpan: Sendable, Hashable {
  /// Where it lies, in Unicode scalars of the text, as Python counts.
  public let range: Range<Int>
  public let text: String
  public let label: String
  /// The probability of the label; for an entity the mean of its words'.
  public let score: Float
  /// For a word, the probabilities of all labels in the head's order; empty for an entity.
  public let all: [ScoredLabel]
}

// MARK: - JSON

extension Prediction {
  /// The answer on one line: `{"index": 0, "text": "...", "heads": {"NAME": ...}}`.
  ///
  /// `id`, `pair` and `choices` stand there if the input has them, `truncated` if tokens were cut off.
  /// - Parameter allScores: writes the probabilities of all labels.
  public func json(allScores: Bool = false) -> String {
    var members: [(String, String)] = [("index", "\(input.index)")]
    if let id = input.id { members.append(("id", id.line)) }
    members.append(("text", JSONValue.string(input.text).line))
    // Spans are counted in the words joined by spaces, which the text need not be.
    if let words = input.words, input.sentence.text != input.text {
      members.append(("words", JSONValue.array(words.map { .string($0) }).line))
    }
    if let pair = input.pair { members.append(("pair", JSONValue.string(pair).line)) }
    if !input.choices.isEmpty { members.append(("choices", JSONValue.array(input.choices.map { .string($0) }).line)) }
    members.append(("heads", JSONLine.object(answers.map { ($0.head, $0.answer.json(allScores: allScores)) })))
    if truncatedTokens > 0 { members.append(("truncated", "\(truncatedTokens)")) }
    return JSONLine.object(members)
  }
}

extension Answer {
  fileprivate func json(allScores: Bool) -> String {
    switch self {
    case .label(let best, let all):
      JSONLine.object(
        [("label", JSONValue.string(best.label).line), ("score", JSONLine.score(best.score))]
          + (allScores ? [("scores", JSONLine.scores(all))] : []))
    case .labels(let chosen, let all):
      JSONLine.object([
        ("labels", JSONValue.array(chosen.map { .string($0.label) }).line), ("scores", JSONLine.scores(all)),
      ])
    case .value(let value): JSONLine.object([("value", JSONLine.number(value))])
    case .words(let spans), .entities(let spans):
      JSONLine.object([("spans", JSONLine.array(spans.map { $0.json(allScores: allScores) }))])
    case .masks(let masks): JSONLine.object([("masks", JSONLine.array(masks.map(\.json)))])
    case .answer(let answer): answer.json
    case .choice(let best, let all):
      JSONLine.object(
        [
          ("choice", "\(best)"), ("text", JSONValue.string(all[best].label).line),
          ("score", JSONLine.score(all[best].score)),
        ] + (allScores ? [("scores", JSONLine.array(all.map { JSONLine.score($0.score) }))] : []))
    }
  }
}

extension LabeledSpan {
  fileprivate func json(allScores: Bool) -> String {
    JSONLine.object(
      [
        ("start", "\(range.lowerBound)"), ("end", "\(range.upperBound)"), ("text", JSONValue.string(text).line),
        ("label", JSONValue.string(label).line), ("score", JSONLine.score(score)),
      ] + (allScores && !all.isEmpty ? [("scores", JSONLine.scores(all))] : []))
  }
}

/// JSON on one line whose members keep their order.
enum JSONLine {
  static func object(_ members: [(key: String, value: String)]) -> String {
    "{" + members.map { JSONValue.string($0.key).line + ": " + $0.value }.joined(separator: ", ") + "}"
  }

  static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ", ") + "]" }

  static func scores(_ all: [ScoredLabel]) -> String { object(all.map { ($0.label, score($0.score)) }) }

  /// A probability, to six decimals.
  static func score(_ score: Float) -> String {
    JSONValue.number((Double(score) * 1e6).rounded() / 1e6).line
  }

  /// A number with the digits that tell it from other single-precision numbers.
  static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }
}
