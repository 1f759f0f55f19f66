public import AdapterMethods
public import Checkpoints
internal import Foundation
internal import Tasks
internal import Training

/// A text to answer, and what goes with it.
public struct TextInput: Sendable, Hashable {
  /// The place in the input, from 0; what cannot be read has a place, too.
  public var index: Int
  /// The line of its file in which it begins, counted from 1, if that is not the place: of rows of a table.
  private(set) var line: Int?
  public var text: String
  /// The words of the text, if they are given beforehand: tagging heads label these. Nil: what stands between spaces.
  public var words: [String]?
  /// The second text, for tasks on pairs; the context of a question.
  public var pair: String?
  /// Several contexts of a question, of which any may answer it; other heads do not see them.
  public var contexts: [String]
  /// The texts among which heads of multiple choice choose; other heads do not see them.
  public var choices: [String]
  /// Why the choices of a line cannot be read, which matters to heads that choose.
  private(set) var choicesFault: String?
  /// The adapters that act on this text; nil: those of the predictor.
  public var setup: Composition?
  /// What the answer carries back.
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

  /// A text of words that are given beforehand; joined by single spaces they are the text.
  public init(words: [String], setup: Composition? = nil, id: JSONValue? = nil, index: Int = 0) {
    self.init(Sentence(words: words).text, setup: setup, id: id, index: index)
    self.words = words
  }

  /// What tagging heads read: the words that are given, or those of the text.
  var sentence: Sentence { words.map { Sentence(words: $0) } ?? Sentence(text) }

  /// The text after a query; see `TextSource.asPairs(of:)`.
  func pairing(_ query: String) -> TextInput {
    var input = self
    (input.text, input.words, input.pair) = (query, nil, text)
    return input
  }

  /// Another text in place of the text and its pair.
  func replacing(text: String) -> TextInput {
    var input = self
    (input.text, input.words, input.pair) = (text, nil, nil)
    return input
  }

  /// The text with a second one.
  public func paired(with pair: String) -> TextInput {
    var input = self
    input.pair = pair
    return input
  }

  /// What heads that answer questions read: the contexts, or else the pair.
  var allContexts: [String] { contexts.isEmpty ? pair.map { [$0] } ?? [] : contexts }

  /// Reads a line of JSON Lines: `{"text": "...", "pair": "...", "choices": ["...", ...], "adapter": "a", "id": ...}`.
  ///
  /// Only `text` is needed. `adapter` is a composition in its text form; other members are left. Without `text` the
  /// names apply that training data have for text and pair, such as `question` and `context`. A list of contexts, in
  /// `contexts` or in place of one, is one of several to choose the answer from. Choices may have any form that
  /// training reads. A list `tokens` or `words` holds words that are given beforehand; without a text they
  /// are the text, joined by single spaces.
  /// - Parameters:
  ///   - line: the object.
  ///   - index: the line's place, from 0.
  /// - Throws: `CheckpointError`, `ConfigurationError` or `CompositionError`, with the line's number.
  init(json line: [UInt8], index: Int) throws {
    let place = "line \(index + 1)"
    try self.init(ConfigurationFields(JSONValue(Data(line), file: place), file: place), index: index)
  }

  /// The members of a line of JSON that were read already.
  ///
  /// - Throws: `ConfigurationError` or `CompositionError`, with the place in a list.
  public init(members: [String: JSONValue], index: Int) throws {
    try self.init(ConfigurationFields(.object(members), file: "input \(index)"), index: index)
  }

  /// A record of a data file, with the members of a line of JSON. Empty cells of a table hold no pair, no adapter and no
  /// id, and none holds a list of words.
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

  /// Whether a text can be made of a record.
  static func hasText(_ row: TableReader.Row) -> Bool {
    row.members.contains { name, value in
      textNames.contains(name)
        || wordNames.contains(name) && !(row.isTextOnly && isTextForWords(name, value))
    }
  }

  /// Whether a cell of a table stands where a list of words is expected; CoNLL has such lists.
  private static func isTextForWords(_ name: String, _ value: JSONValue) -> Bool {
    if case .array = value { return false }
    return wordNames.contains(name)
  }

  private init(_ fields: ConfigurationFields, index: Int) throws {
    let given = try fields.string("text").map { (name: "text", value: $0) } ?? fields.firstText(Self.textNames)
    words = try fields.firstWords(Self.wordNames)
    guard let text = given ?? words.map({ (name: "tokens", value: Sentence(words: $0).text) }) else {
      throw ConfigurationError.missing(key: "text", file: fields.file)
    }
    self.index = index
    self.text = text.value
    pair = try fields.string("pair") ?? fields.firstText(Self.pairNames(beside: text.name))?.value
    contexts = try fields.firstContexts(["contexts"] + Self.contextNames(beside: text.name))
    do { choices = try DataColumns([:]).choices(of: fields.members, path: fields.file, line: index + 1) ?? [] } catch {
      choices = []
      choicesFault = error.reason
    }
    setup = try fields.string("adapter").map { text throws(CompositionError) in try Composition(text) }
    id = fields.members["id"]
  }

  /// What training data call a text, in this order; a context is one where nothing else is.
  static let textNames =
    DataColumns.Role.question.usualNames(for: .multipleChoice).filter { $0 != "context" }
    + DataColumns.Role.text.usualNames(for: .classification) + ["context"]
  private static let wordNames = DataColumns.Role.tokens.usualNames(for: .tagging)

  /// What training data call the second text. Beside a `text` a context is none, as to training.
  private static func pairNames(beside text: String) -> [String] {
    (DataColumns.Role.usualPairNames(beside: text) + contextNames(beside: text)).filter { $0 != text }
  }

  private static func contextNames(beside text: String) -> [String] {
    text == "text" ? [] : DataColumns.Role.context.usualNames(for: .questionAnswering)
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
  /// The first of some members that is a list, of strings; none if there is none.
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

  /// The first of some members that is there.
  ///
  /// - Throws: `ConfigurationError`, if it is not a list of strings.
  fileprivate func firstWords(_ names: [String]) throws(ConfigurationError) -> [String]? {
    for name in names { if let words = try strings(name) { return words } }
    return nil
  }
}

/// A text that has no answer, and why. The others are answered nevertheless.
public struct UnansweredText: Error, Sendable, Hashable, CustomStringConvertible {
  /// The place in the input, from 0.
  public let index: Int
  /// The line in which the text begins, from 1.
  public let line: Int
  /// A sentence.
  public let reason: String

  /// Why an input that could be read has no answer.
  init(_ input: TextInput, _ error: any Error) { self.init(index: input.index, line: input.line, error) }

  /// - Parameter line: from 1; nil if it is the place.
  init(index: Int, line: Int? = nil, _ error: any Error) {
    self.init(index: index, line: line, reason: "\(error)")
  }

  init(index: Int, line: Int? = nil, reason: String) {
    self.index = index
    self.line = line ?? index + 1
    // Errors of JSON begin with the line's number already.
    let place = "line \(self.line): "
    self.reason = reason.hasPrefix(place) ? String(reason.dropFirst(place.count)) : reason
  }

  /// The sentence with the number of the line.
  public var description: String { "line \(line): \(reason)" }
}
