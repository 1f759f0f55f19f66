public import AdapterMethods
public import Checkpoints
internal import Foundation
internal import Tasks
internal import Training

/// A text to answer, with its parts.
public struct TextInput: Sendable, Hashable {
  /// The index in the input, from 0; unreadable inputs have an index, too.
  public var index: Int
  /// The line in its file, from 1, if it differs from the index: for rows of a table.
  private(set) var line: Int?
  public var text: String
  /// The words of the text, if given: tagging heads label these.
  ///
  /// Nil: words are separated by white space.
  public var words: [String]?
  /// The second text, for pair tasks; the context of a question.
  public var pair: String?
  /// Several contexts of a question, any of which may answer it; ignored by other heads.
  public var contexts: [String]
  /// The choices for multiple choice heads; ignored by other heads.
  public var choices: [String]
  /// Why the choices of a line are invalid, which matters only to multiple choice heads.
  private(set) var choicesFault: String?
  /// The adapters for this text; nil: the predictor's.
  public var setup: Composition?
  /// An identifier that is copied to the answer.
  public var id: JSONValue?

  public init(
    _ text: String, pair: String? = nil, contexts: [String] = [], choices: [String] = [], setup: Composition? = nil,
    id: JSONValue? = nil, index: Int = 0
  ) {
    self.index = index
    self.text = text
    self.words = nil
    self.pair = pair
    self.contexts = contexts
    self.choices = choices
    self.setup = setup
    self.id = id
  }

  /// A text of given words, joined with single spaces.
  public init(words: [String], setup: Composition? = nil, id: JSONValue? = nil, index: Int = 0) {
    self.init(Sentence(words: words).text, setup: setup, id: id, index: index)
    self.words = words
  }

  /// The input of tagging heads: the given words, or those of the text.
  var sentence: Sentence { words.map { Sentence(words: $0) } ?? Sentence(text) }

  /// The text after a query; see `TextSource.asPairs(of:)`.
  /// - Throws: `UnansweredText` for a text with a pair, which nothing would read.
  func pairing(_ query: String) throws(UnansweredText) -> TextInput {
    guard pair == nil else {
      throw UnansweredText(
        index: index, line: line,
        reason: "the text has a pair, but the query is read with one text. Leave the pair out.")
    }
    var input = self
    (input.text, input.words, input.pair) = (query, nil, text)
    return input
  }

  /// The input with its text and pair replaced by one text.
  func replacing(text: String) -> TextInput {
    var input = self
    (input.text, input.words, input.pair) = (text, nil, nil)
    return input
  }

  /// The input with a second text.
  public func paired(with pair: String) -> TextInput {
    var input = self
    input.pair = pair
    return input
  }

  /// The contexts for question answering heads: the given ones, or else the pair.
  var allContexts: [String] { contexts.isEmpty ? pair.map { [$0] } ?? [] : contexts }

  /// Reads a line of JSON Lines: `{"text": "...", "pair": "...", "choices": ["...", ...], "adapter": "a", "id": ...}`.
  ///
  /// Only `text` is required. `adapter` is a composition in text form; unknown members are ignored. Without `text`, the
  /// member names of training data apply, such as `question` and `context`. A list of contexts, in `contexts` or
  /// `context`, gives several to answer from. Choices may have any form supported in training. A list `tokens` or
  /// `words` contains given words; without a text they are joined with single spaces.
  /// - Parameters:
  ///   - line: the object.
  ///   - index: the line's index, from 0.
  /// - Throws: `CheckpointError`, `ConfigurationError` or `CompositionError`, with the line's number.
  init(json line: [UInt8], index: Int) throws {
    let place = "line \(index + 1)"
    try self.init(ConfigurationFields(JSONValue(Data(line), file: place), file: place), index: index)
  }

  /// Reads the parsed members of a JSON line.
  ///
  /// - Throws: `ConfigurationError` or `CompositionError`, with the index in a list.
  public init(members: [String: JSONValue], index: Int) throws {
    try self.init(ConfigurationFields(.object(members), file: "input \(index)"), index: index)
  }

  /// Reads a record of a data file, with the members of a JSON line. Empty cells of a table mean no pair, adapter or
  /// id; a cell cannot contain a list of words.
  ///
  /// - Throws: `ConfigurationError` or `CompositionError`.
  init(_ row: TableReader.Row, index: Int) throws {
    let optional = Set(["pair", "adapter", "id"] + Self.pairNames(beside: "question"))
    let members = row.members.filter { name, value in
      !row.isTextOnly || !(optional.contains(name) && value == .string("")) && !Self.isTextForWords(name, value)
    }
    let fields = try ConfigurationFields(.object(members), file: "line \(row.line)")
    for case (let name, .string(let text)) in members where text.utf8.count > Limits.lineBytes {
      throw fields.impossible(name, "a text of \(text.utf8.count) bytes", "at most \(Limits.lineBytes)")
    }
    try self.init(fields, index: index)
    line = row.line
  }

  /// Whether a record contains a text.
  static func hasText(_ row: TableReader.Row) -> Bool {
    row.members.contains { name, value in
      textNames.contains(name)
        || wordNames.contains(name) && !(row.isTextOnly && isTextForWords(name, value))
    }
  }

  /// Whether a table's cell is used where a list of words is expected; CoNLL has such lists.
  private static func isTextForWords(_ name: String, _ value: JSONValue) -> Bool {
    if case .array = value { return false }
    return wordNames.contains(name)
  }

  private init(_ given: ConfigurationFields, index: Int) throws {
    let fields = try ConfigurationFields(
      .object(DataColumns.namingAnyCase(given.members, names: Self.allNames)), file: given.file)
    let given = try fields.string("text").map { (name: "text", value: $0) } ?? fields.firstText(Self.textNames)
    words = try fields.firstWords(Self.wordNames)
    guard let text = given ?? words.map({ (name: "tokens", value: Sentence(words: $0).text) }) else {
      guard !fields.members.isEmpty else { throw ConfigurationError.missing(key: "text", file: fields.file) }
      throw fields.impossible(
        "text", "missing among \(fields.members.keys.sorted().prefix(12).joined(separator: ", "))",
        "a text by this name or another usual one, such as 'sentence'; --column NAME names the member that holds it")
    }
    self.index = index
    self.text = text.value
    pair = try fields.string("pair") ?? fields.firstText(Self.pairNames(beside: text.name))?.value
    contexts = try fields.firstContexts(["contexts"] + Self.contextNames(beside: text.name))
    do { choices = try DataColumns([:]).choices(of: fields.members, path: fields.file, line: index + 1) ?? [] } catch {
      choices = []
      choicesFault = error.reason
    }
    if !choices.isEmpty, let other = DataColumns.otherPrompt(than: text.name, in: fields.members) {
      choices = []
      choicesFault = DataColumns.twoPrompts(text.name, other)
    }
    setup = try fields.string("adapter").map { text throws(CompositionError) in try Composition(text) }
    id = fields.members["id"]
  }

  /// The names of a text in training data, in this order; a context is used only if there is nothing else.
  static let textNames =
    DataColumns.Role.question.usualNames(for: .multipleChoice).filter { $0 != "context" }
    + DataColumns.Role.text.usualNames(for: .classification) + ["context"]
  private static let allNames =
    textNames + pairNames(beside: "question") + pairNames(beside: "text") + wordNames
    + ["pair", "contexts", "choices", "options", "endings", "adapter", "id"]
  private static let wordNames = DataColumns.Role.tokens.usualNames(for: .tagging)

  /// The names of the second text in training data. As in training, a context does not count next to a `text`.
  private static func pairNames(beside text: String) -> [String] {
    (DataColumns.Role.usualPairNames(beside: text) + contextNames(beside: text)).filter { $0 != text }
  }

  private static func contextNames(beside text: String) -> [String] {
    text == "question" ? DataColumns.Role.context.usualNames(for: .questionAnswering) : []
  }
}

extension ConfigurationFields {
  /// The first of some members that is a string.
  fileprivate func firstText(_ names: [String]) -> (name: String, value: String)? {
    for name in names { if case .string(let value)? = members[name] { return (name, value) } }
    return nil
  }
}

extension ConfigurationFields {
  /// The first of some members that is a list of strings; empty if there is none.
  ///
  /// - Throws: `ConfigurationError`, if an element is not a string, or there are none.
  fileprivate func firstContexts(_ names: [String]) throws(ConfigurationError) -> [String] {
    for name in names {
      guard case .array(let elements)? = members[name] else { continue }
      guard let contexts = try strings(name), !contexts.isEmpty else {
        throw impossible(name, "a list of \(elements.count)", "one context or more")
      }
      return contexts
    }
    return []
  }

  /// The first of some members that exists.
  ///
  /// - Throws: `ConfigurationError`, if it is not a list of strings.
  fileprivate func firstWords(_ names: [String]) throws(ConfigurationError) -> [String]? {
    for name in names { if let words = try strings(name) { return words } }
    return nil
  }
}

/// A text without an answer, and why.
///
/// Other texts are still answered.
public struct UnansweredText: Error, Sendable, Hashable, CustomStringConvertible {
  /// The index in the input, from 0.
  public let index: Int
  /// The line in which the text begins, from 1.
  public let line: Int
  /// A sentence.
  public let reason: String

  /// Why an input could not be answered.
  init(_ input: TextInput, _ error: any Error) { self.init(index: input.index, line: input.line, error) }

  /// - Parameter line: from 1; nil if it follows from the index.
  init(index: Int, line: Int? = nil, _ error: any Error) {
    self.init(index: index, line: line, reason: "\(error)")
  }

  init(index: Int, line: Int? = nil, reason: String) {
    self.index = index
    self.line = line ?? index + 1
    // JSON errors already begin with the line number.
    let place = "line \(self.line): "
    self.reason = reason.hasPrefix(place) ? String(reason.dropFirst(place.count)) : reason
  }

  /// The reason with the line number.
  public var description: String { "line \(line): \(reason)" }
}
