internal import Heads
internal import Tasks
internal import Tokenization

/// How a head reads a text.
enum TextForm: CaseIterable, Sendable {
  /// As a question with each of its contexts, in one window or several.
  case question
  /// With its pair.
  case text
  /// As given words, with its pair; a text without given words is read as it is. In windows, if a stride is set.
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

  /// The forms that a text supports; hypotheses can be made from any.
  static func all(of input: TextInput) -> [TextForm] {
    allCases.filter { $0 != .hypotheses && $0.isThere(in: input) }
  }

  /// Whether a text has the parts that the form needs.
  func isThere(in input: TextInput) -> Bool {
    switch self {
    case .question: !input.allContexts.isEmpty
    case .text, .words, .hypotheses: true
    case .choices: !input.choices.isEmpty
    }
  }
}

/// A head's input: the form of the text, and its maximum length.
struct HeadInput: Hashable, Sendable {
  let form: TextForm
  /// The maximum length during the head's training; see `PredictionHead/maximumLength`.
  var recordedLength: Int?
}

/// A text as read by one head.
struct Reading: Hashable, Sendable {
  let form: TextForm
  /// One, or one for each context, choice or hypothesis.
  let texts: [TextWindows]

  /// The sequences that the model runs.
  var encodings: [Encoding] { texts.flatMap(\.encodings) }
}

/// A text encoded for its heads.
struct EncodedText: Sendable {
  let input: TextInput
  let readings: [HeadInput: Result<Reading, any Error>]

  /// The number of tokens of the text in some forms; forms that failed count 0, and equal forms are counted once.
  func tokenCount(_ inputs: some Collection<HeadInput>) -> Int {
    Self.distinct(inputs.compactMap { try? readings[$0]?.get() }).joined().reduce(0) { $0 + $1.ids.count }
  }

  /// The distinct lists of sequences, in order.
  static func distinct(_ readings: [Reading]) -> [[Encoding]] {
    readings.map(\.encodings).reduce(into: []) { kept, list in if !kept.contains(list) { kept.append(list) } }
  }
}
