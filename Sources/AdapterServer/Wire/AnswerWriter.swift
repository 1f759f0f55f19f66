import AdapterHost

/// Writes the lists of an answer, as long as its client waits and its bytes are within the limit.
struct AnswerWriter: Sendable {
  let isWanted: Wanted
  var limit = Limits.answerBytes

  /// A list of JSON.
  ///
  /// - Parameters:
  ///   - elements: what is listed.
  ///   - json: the JSON of an element.
  /// - Throws: `ServiceError.answerTooLarge`; `CancellationError`; what `json` throws.
  func list<Elements: Sequence>(
    _ elements: Elements, _ json: (Elements.Element) throws -> String
  ) throws -> String {
    var text = "["
    for element in elements {
      try isWanted.check()
      if text.utf8.count > 1 { text += ", " }
      text += try json(element)
      guard text.utf8.count < limit else { throw ServiceError.answerTooLarge(limit: limit) }
    }
    return text + "]"
  }

  func list(_ numbers: some Sequence<Float>) throws -> String { try list(numbers) { JSONLine.number($0) } }
}

extension Call {
  /// Runs work that makes an answer on the service's own threads, until the client is gone.
  func written<Value: Sendable>(_ body: @escaping @Sendable (AnswerWriter) throws -> Value) async throws -> Value {
    try await app.service.work { try body(AnswerWriter(isWanted: $0)) }
  }
}
