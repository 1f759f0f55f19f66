public import AdapterMethods
public import Checkpoints
internal import Foundation
internal import Training

/// A text to answer, and what goes with it.
public struct TextInput: Sendable, Hashable {
  /// The place in the input, from 0; what cannot be read has a place, too.
  public var index: Int
  public var text: String
  /// The second text, for tasks on pairs; the context of a question.
  public var pair: String?
  /// The texts among which heads of multiple choice choose; other heads do not see them.
  public var choices: [String]
  /// Why the choices of a line cannot be read, which matters to heads that choose.
  private(set) var choicesFault: String?
  /// The adapters that act on this text; nil: those of the predictor.
  public var setup: Composition?
  /// What the answer carries back.
  public var id: JSONValue?

  public init(
    _ text: String, pair: String? = nil, choices: [String] = [], setup: Composition? = nil, id: JSONValue? = nil,
    index: Int = 0
  ) {
    self.index = index
    self.text = text
    self.pair = pair
    self.choices = choices
    self.setup = setup
    self.id = id
  }

  /// Reads a line of JSON Lines: `{"text": "...", "pair": "...", "choices": ["...", ...], "adapter": "a", "id": ...}`.
  ///
  /// Only `text` is needed. `adapter` is a composition in its text form; other members are left. Without `text` the
  /// names count that training data have for text and pair, such as `question` and `context`. Choices may have any
  /// form that training reads.
  /// - Parameters:
  ///   - line: the object.
  ///   - index: the line's place, from 0.
  /// - Throws: `CheckpointError`, `ConfigurationError` or `CompositionError`, with the line's number.
  init(json line: [UInt8], index: Int) throws {
    let place = "line \(index + 1)"
    let fields = try ConfigurationFields(JSONValue(Data(line), file: place), file: place)
    let text = try fields.string("text").map { (name: "text", value: $0) } ?? fields.firstText(Self.textNames)
    guard let text else { throw ConfigurationError.missing(key: "text", file: place) }
    self.index = index
    self.text = text.value
    let pairNames = text.name == "text" ? [] : Self.pairNames.filter { $0 != text.name }
    pair = try fields.string("pair") ?? fields.firstText(pairNames)?.value
    do { choices = try DataColumns([:]).choices(of: fields.members, path: place, line: index + 1) ?? [] } catch {
      choices = []
      choicesFault = error.reason
    }
    setup = try fields.string("adapter").map { text throws(CompositionError) in try Composition(text) }
    id = fields.members["id"]
  }

  /// What training data call a text, in this order; a context is one where nothing else is.
  private static let textNames =
    DataColumns.Role.question.usualNames(for: .multipleChoice).filter { $0 != "context" }
    + DataColumns.Role.text.usualNames(for: .classification) + ["context"]
  private static let pairNames =
    DataColumns.Role.pair.usualNames(for: .classification)
    + DataColumns.Role.context.usualNames(for: .questionAnswering)
}

extension ConfigurationFields {
  /// The first of some members that is a string.
  fileprivate func firstText(_ names: [String]) -> (name: String, value: String)? {
    for name in names { if case .string(let value)? = members[name] { return (name, value) } }
    return nil
  }
}

/// A text that has no answer, and why. The others are answered nevertheless.
public struct UnansweredText: Error, Sendable, Hashable, CustomStringConvertible {
  /// The place in the input, from 0.
  public let index: Int
  public let reason: String

  init(index: Int, _ error: any Error) {
    self.index = index
    // Errors of JSON begin with the line's number already.
    let reason = "\(error)"
    let place = "line \(index + 1): "
    self.reason = reason.hasPrefix(place) ? String(reason.dropFirst(place.count)) : reason
  }

  init(index: Int, reason: String) {
    self.index = index
    self.reason = reason
  }

  /// The sentence with the number of the line, which counts from 1.
  public var description: String { "line \(index + 1): \(reason)" }
}
