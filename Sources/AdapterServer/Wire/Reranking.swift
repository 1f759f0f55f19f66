import AdapterHost

/// Sorts texts by a reranker's scores.
enum Reranking {
  /// - Parameter setup: must have one head with one output.
  static func rank(
    _ call: Call, _ query: String, _ texts: [String], setup: ServedSetup, raw: Bool, reading: TextService.Reading
  ) async throws -> (ranked: [(index: Int, score: Float)], ServedSetup, TextService.Timing) {
    let (scores, timing) = try await Reranking.scores(
      call, texts.map { (query, $0) }, setup: setup, raw: raw, reading: reading)
    let ranked = scores.enumerated().sorted { ($0.element, $1.offset) > ($1.element, $0.offset) }
    return (ranked.map { ($0.offset, $0.element) }, setup, timing)
  }

  /// The scores of the pairs, in order.
  static func scores(
    _ call: Call, _ pairs: [(String, String)], setup: ServedSetup, raw: Bool, reading: TextService.Reading
  ) async throws -> ([Float], TextService.Timing) {
    let head = try await call.head(of: setup)
    guard head.settings.givesValue else {
      throw ServiceError.wrongTask(
        reason: "'\(head.name)' (\(head.settings.kind.rawValue), \(head.settings.outputs) outputs) is no reranker, "
          + "which has one output.")
    }
    var options = AnswerOptions()
    if raw { options.classification.functionToApply = .identity }
    let inputs = pairs.enumerated().map { TextInput($1.0, pair: $1.1, index: $0) }
    let answers = try await call.app.service.predict(
      inputs, with: setup, heads: [head.name], options: options, reading: reading,
      terms: call.terms(setup, priority: call.body.integer("priority")))
    let scores = answers.predictions.map { prediction in
      if case .value(let score) = prediction.answers[0].answer { score } else { Float.zero }
    }
    return (scores, answers.timing)
  }
}
