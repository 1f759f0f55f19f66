internal import Heads
internal import Tokenization

/// How a head reads a text.
enum TextForm: CaseIterable, Sendable {
  /// As a question with the pair as its context, in one window or several.
  case question
  /// With its pair.
  case text
  /// As the words that are given beforehand, with its pair; a text without such words as it stands.
  case words
  /// With each of its choices.
  case choices

  init(_ kind: HeadKind) {
    switch kind {
    case .questionAnswering: self = .question
    case .multipleChoice: self = .choices
    case .tagging: self = .words
    case .classification, .multilabelClassification, .maskedLM: self = .text
    }
  }

  /// All forms that a text has.
  static func all(of input: TextInput) -> [TextForm] { allCases.filter { $0.isThere(in: input) } }

  /// Whether a text has what the form needs.
  func isThere(in input: TextInput) -> Bool {
    switch self {
    case .question: input.pair != nil
    case .text, .words: true
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

/// A text with its tokens as heads read them.
struct EncodedText: Sendable {
  let input: TextInput
  /// A sequence for each input, or one for each window or choice.
  let encodings: [HeadInput: Result<[Encoding], any Error>]

  /// How many tokens the text has in some forms; those in which it cannot be read have none, and forms that are the
  /// same count once.
  func tokenCount(_ inputs: some Collection<HeadInput>) -> Int {
    Self.distinct(inputs.compactMap { try? encodings[$0]?.get() }).joined().reduce(0) { $0 + $1.ids.count }
  }

  /// The lists that differ, in their order.
  static func distinct(_ lists: [[Encoding]]) -> [[Encoding]] {
    lists.reduce(into: []) { kept, list in if !kept.contains(list) { kept.append(list) } }
  }
}
