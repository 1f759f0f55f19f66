internal import Heads
internal import Tokenization

/// How a head reads a text.
enum TextForm: CaseIterable, Sendable {
  /// As a question, with as much of the pair, its context, as there is room for.
  case question
  /// With its pair.
  case text
  /// With each of its choices.
  case choices

  init(_ kind: HeadKind) {
    switch kind {
    case .questionAnswering: self = .question
    case .multipleChoice: self = .choices
    case .classification, .multilabelClassification, .tagging, .maskedLM: self = .text
    }
  }

  /// All forms that a text has.
  static func all(of input: TextInput) -> Set<TextForm> {
    Set(allCases.filter { $0.isThere(in: input) })
  }

  /// Whether a text has what the form needs.
  func isThere(in input: TextInput) -> Bool {
    switch self {
    case .question: input.pair != nil
    case .text: true
    case .choices: !input.choices.isEmpty
    }
  }
}

/// A text with its tokens in each form in which heads read it.
struct EncodedText: Sendable {
  let input: TextInput
  /// A sequence for each form, or one for each choice.
  let encodings: [TextForm: Result<[Encoding], any Error>]

  /// The forms that were asked for.
  var forms: Set<TextForm> { Set(encodings.keys) }

  /// How many tokens the text has in some forms; those in which it cannot be read have none.
  ///
  /// - Parameter forms: in which it is counted.
  func tokenCount(_ forms: Set<TextForm>) -> Int {
    forms.reduce(0) { sum, form in
      sum + ((try? encodings[form]?.get()) ?? []).reduce(0) { $0 + $1.ids.count }
    }
  }
}
