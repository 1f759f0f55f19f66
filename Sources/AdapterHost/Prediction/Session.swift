internal import AdapterMethods
internal import Deberta
internal import Model
internal import Tasks
internal import Tensors
internal import Tokenization

/// Fills batches with encoded texts.
struct BatchEncoder: Sendable {
  private let predictor: Predictor

  /// - Parameter predictor: the predictor that answers them.
  init(_ predictor: Predictor) { self.predictor = predictor }

  /// Texts up to the batch's token limit, or until the next text would have to be waited for.
  ///
  /// - Throws: `InputFileError`; `PredictionError.noHead`, if no text can have an answer.
  func next(from source: inout TextSource) throws -> [Result<EncodedText, UnansweredText>]? {
    var batch: [Result<EncodedText, UnansweredText>] = []
    var tokens = 0
    while tokens < predictor.batchTokens, try batch.isEmpty || source.isReady(), let input = try source.next() {
      if !source.mayNameAdapters { try predictor.requireHead() }
      // A text without an answer also takes a place in a batch.
      var own = 1
      batch.append(
        input.map { input in
          let (text, count) = encoded(input)
          own = max(own, count)
          return text
        })
      tokens += own
    }
    return batch.isEmpty ? nil : batch
  }

  /// A text encoded for its heads, and the number of tokens over all branches.
  ///
  /// The heads of a text that names its adapters are not known yet; it is encoded in all forms it supports.
  /// - Parameter input: the text.
  private func encoded(_ input: TextInput) -> (text: EncodedText, tokens: Int) {
    if let setup = input.setup {
      let text = predictor.encode(input, as: TextForm.all(of: input).map { HeadInput(form: $0) })
      // A text that cannot branch fails later, with its reason.
      return (text, text.tokenCount(text.readings.keys) * ((try? setup.branches().count) ?? 1))
    }
    guard let part = try? predictor.route.get().part(for: input).route else {
      return (EncodedText(input: input, readings: [:]), 0)
    }
    let text = predictor.encode(input, as: part.inputs)
    return (text, part.branches.indices.reduce(0) { $0 + text.tokenCount(part.inputs(branch: $1)) })
  }
}

/// The model of one run, including the adapters that its texts have requested.
struct Session {
  private let predictor: Predictor
  private var model: DebertaV2AdapterModel
  private var routes: [Composition: Result<Route, any Error>] = [:]

  init(_ predictor: Predictor) {
    self.predictor = predictor
    model = predictor.model
  }

  /// The answers for a batch, in order. A failing text does not affect others.
  mutating func answers(
    _ batch: [Result<EncodedText, UnansweredText>]
  ) -> [Result<Prediction, UnansweredText>] {
    var texts: [RoutedText] = []
    var routed: [Result<Int, UnansweredText>] = []
    for item in batch {
      let outcome = item.flatMap { text in
        route(of: text.input).flatMap { route in Result { try RoutedText(text, route, predictor) } }
          .mapError { UnansweredText(text.input, $0) }
      }
      routed.append(outcome.map { _ in texts.count })
      if case .success(let text) = outcome { texts.append(text) }
    }
    let outcomes = outcomes(texts[...])
    return routed.map { $0.flatMap { outcomes[$0] } }
  }

  /// The outcome of each text.
  ///
  /// On failure a batch is split in halves, until the failing texts are isolated.
  private func outcomes(_ texts: ArraySlice<RoutedText>) -> [Result<Prediction, UnansweredText>] {
    do {
      return try predictions(Array(texts))
    } catch {
      guard texts.count > 1 else { return texts.map { .failure(UnansweredText($0.input, error)) } }
      let middle = texts.startIndex + texts.count / 2
      return outcomes(texts[..<middle]) + outcomes(texts[middle...])
    }
  }

  /// Runs the inputs of every text's heads, for all branches.
  ///
  /// The number of rows run at once is limited to that of a full batch, so that the windows of a long text need no more
  /// memory than many short texts.
  ///
  /// - Returns: each text's answers, or why a head has none.
  /// - Throws: an error that prevents running this batch.
  private func predictions(_ texts: [RoutedText]) throws -> [Result<Prediction, UnansweredText>] {
    let plan = AnswerPlan(texts)
    var outputs: [[String: Tensor]] = []
    while outputs.count < plan.rows.count {
      var tokens = 0
      let batch = plan.rows[outputs.count...].prefix { row in
        defer { tokens += row.encoding.ids.count }
        return tokens == 0 || tokens + row.encoding.ids.count <= 2 * predictor.batchTokens
      }
      let output = try model.bound(
        Batch(batch.map(\.encoding.ids), tokenTypes: batch.map(\.encoding.tokenTypeIDs)),
        rows: batch.map { ($0.composition, $0.heads.sorted()) },
        answering: .masks(predictor.tokenizer.maskID ?? -1), states: .first, on: Pass(model.compute))
      var own: [[String: Tensor]] = batch.map { _ in [:] }
      for (name, head) in output.answers {
        for (place, row) in head.answeredRows.enumerated() { own[row][name] = head.logits(row: place) }
      }
      outputs += own
    }
    return plan.predictions(outputs, model, predictor.decoder, predictor.tokenizer)
  }

  /// The route of a text; loads the adapters that it names.
  private mutating func route(of input: TextInput) -> Result<Route, any Error> {
    guard let setup = input.setup else { return predictor.route.mapError { $0 } }
    if let known = routes[setup] { return known }
    let result = Result {
      try predictor.load?(setup, &model)
      return try Route(setup, heads: predictor.heads, in: model, options: predictor.options)
    }
    routes[setup] = result
    return result
  }
}
