internal import AdapterMethods
internal import Deberta
internal import Model
internal import Tasks
internal import Tensors
internal import Tokenization

/// Fills batches with texts.
struct BatchEncoder: Sendable {
  private let predictor: Predictor

  /// - Parameter predictor: what answers.
  init(_ predictor: Predictor) { self.predictor = predictor }

  /// Texts up to the batch's tokens, or up to the point where the next text would have to be awaited.
  ///
  /// - Throws: `InputFileError`; `PredictionError.noHead` if no text can have an answer.
  func next(from source: inout TextSource) throws -> [Result<EncodedText, UnansweredText>]? {
    var batch: [Result<EncodedText, UnansweredText>] = []
    var tokens = 0
    while tokens < predictor.batchTokens, try batch.isEmpty || source.isReady(), let input = try source.next() {
      if !source.mayNameAdapters { try predictor.requireHead() }
      // What has no answer takes its place in a batch, too.
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

  /// A text in the forms in which its heads read it, and the tokens of all branches.
  ///
  /// The heads of a text that names its adapters are known later; it has the forms that can be made of it.
  /// - Parameter input: the text.
  private func encoded(_ input: TextInput) -> (text: EncodedText, tokens: Int) {
    if let setup = input.setup {
      let text = predictor.encode(input, as: TextForm.all(of: input).map { HeadInput(form: $0) })
      // What cannot branch fails later, with its reason.
      return (text, text.tokenCount(text.readings.keys) * ((try? setup.branches().count) ?? 1))
    }
    guard let part = try? predictor.route.get().part(for: input).route else {
      return (EncodedText(input: input, readings: [:]), 0)
    }
    let text = predictor.encode(input, as: part.inputs)
    return (text, part.branches.indices.reduce(0) { $0 + text.tokenCount(part.inputs(branch: $1)) })
  }
}

/// The model of one run, with the adapters that its texts have requested.
struct Session {
  private let predictor: Predictor
  private var model: DebertaV2AdapterModel
  private var routes: [Composition: Result<Route, any Error>] = [:]

  init(_ predictor: Predictor) {
    self.predictor = predictor
    model = predictor.model
  }

  /// The answers to a batch, in its order. What a text cannot have touches no other text.
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
  /// What cannot be computed together is halved, until the texts that cannot be computed stand alone.
  private func outcomes(_ texts: ArraySlice<RoutedText>) -> [Result<Prediction, UnansweredText>] {
    do {
      return try predictions(Array(texts))
    } catch {
      guard texts.count > 1 else { return texts.map { .failure(UnansweredText($0.input, error)) } }
      let middle = texts.startIndex + texts.count / 2
      return outcomes(texts[..<middle]) + outcomes(texts[middle...])
    }
  }

  /// Runs what the heads of every branch of every text read.
  ///
  /// No more rows run at a time than texts that fill a batch have, so that the windows of one long text need no more
  /// memory than many short texts.
  ///
  /// - Returns: for each text its answers, or why a head has none.
  /// - Throws: what makes it impossible to run this batch.
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

  /// The way of a text; the adapters that it names are loaded.
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
