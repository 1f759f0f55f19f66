internal import Heads
internal import Tasks
internal import Tokenization

/// How a head reads a text.
enum TextForm: CaseIterable, Sendable {
  /// As a question with each of its contexts, in one window or several.
  case question
  /// With its pair.
  case text
  /// As the words that are given beforehand, with its pair; a text without such words as it stands. Windows, if their
  /// stride is set.
  case words
  /// With each of its choices.
  case choices
  /// With the hypothesis of each candidate label.
  case hypotheses

  init(_ settings: HeadSettings, _ options: AnswerOptions) {
    switch settings.kind {
    case .questionAnswering: self = .question
    case .multipleChoice: self = .choices
    case .tagging: self = .words
    case .maskedLM: self = .text
    case .classification, .multilabelClassification:
      self = options.zeroShot != nil && EntailmentOutputs(settings) != nil ? .hypotheses : .text
    }
  }

  /// The forms that a text has, whatever reads it; hypotheses are made of any.
  static func all(of input: TextInput) -> [TextForm] {
    allCases.filter { $0 != .hypotheses && $0.isThere(in: input) }
  }

  /// Whether a text has what the form needs.
  func isThere(in input: TextInput) -> Bool {
    switch self {
    case .question: !input.allContexts.isEmpty
    case .text, .words, .hypotheses: true
    case .choices: !input.choices.isEmpty
    }
  }
}

/// What a head reads of a text: its form, and how much of it.
struct HeadInput: Hashable, Sendable {
  let form: TextForm
  /// The most tokens with which the head was trained; see `PredictionHead/maximumLength`.
  var recordedLength: Int?
}

/// A text as one head reads it.
struct Reading: Hashable, Sendable {
  let form: TextForm
  /// One, or one for each context, choice or hypothesis.
  let texts: [TextWindows]

  /// The sequences that the model runs.
  var encodings: [Encoding] { texts.flatMap(\.encodings) }
}

/// A text with its tokens as heads read them.
struct EncodedText: Sendable {
  let input: TextInput
  let readings: [HeadInput: Result<Reading, any Error>]

  /// How many tokens the text has in some forms; those in which it cannot be read have none, and forms that are the
  /// same count once.
  func tokenCount(_ inputs: some Collection<HeadInput>) -> Int {
    Self.distinct(inputs.compactMap { try? readings[$0]?.get() }).joined().reduce(0) { $0 + $1.ids.count }
  }

  /// The lists of sequences that differ, in their order.
  static func distinct(_ readings: [Reading]) -> [[Encoding]] {
    readings.map(\.encodings).reduce(into: []) { kept, list in if !kept.contains(list) { kept.append(list) } }
  }
}
