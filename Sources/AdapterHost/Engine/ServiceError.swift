/// Why a service does not answer a request, in addition to `EngineError`.
public enum ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name is unknown.
  case unknown(name: String, nearest: [String])
  /// The adapter to load or unload is permanent or in use.
  case isThere(name: String, isPermanent: Bool)
  /// An adapter cannot be loaded.
  case broken(setup: String, reason: String)
  /// No head answers, or none of the required kind.
  case wrongTask(reason: String)
  /// One head is required, but several answer.
  case severalHeads([String])
  /// No answering head has this name.
  case unknownHead(name: String, heads: [String])
  /// The options are invalid.
  case options(reason: String)
  /// The computation failed.
  case failed(reason: String)
  /// The setup yields several vectors per text.
  case severalVectors(setup: String)
  /// A text cannot be answered.
  case input(index: Int, reason: String)
  /// A text is too long, and truncation is disabled.
  case tooLong(index: Int, tokens: Int, limit: Int)
  /// Masked language models would give so many numbers for the masks of a request.
  case tooManyMasks(outputs: Int, limit: Int)
  /// The answer would have more bytes.
  case answerTooLarge(limit: Int)
  /// The outputs of a head, or the states of a text, are not finite.
  case notFinite(what: String)

  public var description: String {
    switch self {
    case .unknown(let name, let nearest):
      "The model '\(name)' does not exist"
        + (nearest.isEmpty ? "." : "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?")
    case .isThere(let name, true):
      "'\(name)' is registered, or was given when the server started; it stays until 'adapter-cli remove' or a restart."
    case .isThere(let name, false): "The adapter '\(name)' is loaded already. Set load_inplace to replace it."
    case .broken(let setup, let reason): "'\(setup)' cannot be loaded: \(reason)"
    case .wrongTask(let reason), .options(let reason), .failed(let reason): reason
    case .severalHeads(let heads):
      "\(heads.count) heads answer: \(heads.joined(separator: ", ")). Name one with \"head\" in the body or with the "
        + "header x-head, name one adapter, or use POST /api/predict for all of them."
    case .unknownHead(let name, let heads):
      "No head '\(name)' answers here; there are \(heads.joined(separator: ", "))."
    case .severalVectors(let setup): "\(EmbeddingError.severalVectors(setup: setup))"
    case .input(let index, let reason): "Input \(index): \(reason)"
    case .tooLong(let index, let tokens, let limit):
      "Input \(index) has \(tokens) tokens, and at most \(limit) are read. Shorten it, or set truncate to true: texts "
        + "are cut at their right end."
    case .tooManyMasks(let outputs, let limit):
      "The masks of the request have \(outputs) probabilities, one for each piece of the vocabulary; at most \(limit) are "
        + "computed. Send fewer masks at a time."
    case .answerTooLarge(let limit):
      "The answer would have more than \(limit) bytes. Send fewer or shorter texts, or ask for fewer alternatives with "
        + "top_k."
    case .notFinite(let what): "\(what) gave numbers that are not finite (NaN or infinite), so there is no answer."
    }
  }
}
