/// The names of the columns in a data file.
///
/// ```swift
/// DataColumns([.text: "review", .label: "stars"])
/// ```
///
/// Parts without a name are looked up by their usual names (``Role/usualNames(for:)``), in order.
public struct DataColumns: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  /// The parts of an example.
  public enum Role: String, Sendable, Hashable, CaseIterable {
    case text
    /// The second text.
    case pair
    case label
    /// The words of a sentence.
    case tokens
    /// A label for each word.
    case tags
    case question
    case context
    case answers
    case choices
  }

  private var names: [Role: String]
  /// Columns that say of one label each whether it applies, in the order of the labels; they are called like these.
  ///
  /// Of data with several labels; empty where one column lists them.
  public var flags: [String] = []
  /// Whether the first line of a CSV or TSV file names the columns; if not, they are named `1`, `2`, …
  public var hasHeader: Bool

  public init(_ names: [Role: String], hasHeader: Bool = true) {
    self.names = names
    self.hasHeader = hasHeader
  }

  public init(dictionaryLiteral elements: (Role, String)...) {
    self.init(Dictionary(elements) { _, last in last })
  }

  /// The given name of a part; nil to use the usual ones.
  public subscript(role: Role) -> String? {
    get { names[role] }
    set { names[role] = newValue }
  }

  /// The names to look up for a part.
  func candidates(_ role: Role, for task: TrainingTask) -> [String] {
    names[role].map { [$0] } ?? role.usualNames(for: task)
  }
}

extension DataColumns.Role {
  /// The usual names of a part in data sets.
  public func usualNames(for task: TrainingTask) -> [String] {
    switch self {
    case .text: ["text", "question", "sentence", "sentence1", "premise", "question1", "content"]
    case .pair: ["text_pair", "pair", "sentence2", "hypothesis", "question2"]
    case .label:
      switch task {
      case .regression: ["label", "labels", "score", "value"]
      case .multipleChoice: ["label", "answer", "answerKey", "labels"]
      case .multilabelClassification: ["labels", "label"]
      default: ["label", "labels"]
      }
    case .tokens: ["tokens", "words"]
    case .tags: ["tags", "ner_tags", "word_labels", "labels", "pos_tags"]
    case .question:
      task == .multipleChoice ? ["question", "prompt", "text", "sentence", "premise", "context"] : ["question"]
    case .context: ["context", "passage"]
    case .answers: ["answers", "answer"]
    case .choices: ["choices", "options", "endings"]
    }
  }

  /// The usual names of the second text, given the name of the first: a question accompanies a sentence (QNLI) or a
  /// passage (BoolQ).
  ///
  /// Training, evaluation and prediction share this list.
  public static func usualPairNames(beside text: String) -> [String] {
    pair.usualNames(for: .classification) + (text == "question" ? ["sentence", "passage", "context"] : [])
  }
}
