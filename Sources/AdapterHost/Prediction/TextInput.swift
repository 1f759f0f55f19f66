public import AdapterMethods
public import Checkpoints
internal import Foundation

/// A text to answer, and what goes with it.
public struct TextInput: Sendable, Hashable {
  /// The place in the input, from 0; what cannot be read has a place, too.
  public var index: Int
  public var text: String
  /// The second text, for tasks on pairs; the context of a question.
  public var pair: String?
  /// The texts among which heads of multiple choice choose; other heads do not see them.
  public var choices: [String]
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
  /// Only `text` is needed. `adapter` is a composition in its text form; other members are left.
  /// - Throws: `CheckpointError`, `ConfigurationError` or `CompositionError`, with the line's number.
  init(json line: [UInt8], index: Int) throws {
    let place = "line \(index + 1)"
    let fields = try ConfigurationFields(JSONValue(Data(line), file: place), file: place)
    guard let text = try fields.string("text") else { throw ConfigurationError.missing(key: "text", file: place) }
    self.index = index
    self.text = text
    pair = try fields.string("pair")
    choices = try fields.strings("choices") ?? []
    if fields.members["choices"] != nil, choices.count < 2 {
      throw fields.impossible("choices", "a list of \(choices.count)", "at least two texts")
    }
    setup = try fields.string("adapter").map { text throws(CompositionError) in try Composition(text) }
    id = fields.members["id"]
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
