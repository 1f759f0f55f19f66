internal import AdapterMethods
internal import DebertaV2
internal import Heads
internal import Tensors
internal import Tokenization

/// Fills batches with texts.
struct BatchEncoder: Sendable {
  private let predictor: Predictor
  private let branches: Int

  init(_ predictor: Predictor) {
    self.predictor = predictor
    branches = Self.branches(predictor.setup)
  }

  /// Texts up to the batch's tokens, or up to the point where the next text would have to be awaited.
  func next(from source: inout TextSource) throws -> [Result<TokenizedText, UnansweredText>]? {
    var batch: [Result<TokenizedText, UnansweredText>] = []
    var tokens = 0
    while tokens < predictor.batchTokens, try batch.isEmpty || source.isReady(), let input = try source.next() {
      let item = input.flatMap { input in
        Result { try TokenizedText(input: input, encoding: predictor.encode(input)) }
          .mapError { UnansweredText(index: input.index, $0) }
      }
      if case .success(let text) = item {
        tokens += text.encoding.ids.count * (text.input.setup.map { Self.branches($0) } ?? branches)
      }
      batch.append(item)
    }
    return batch.isEmpty ? nil : batch
  }

  /// What cannot branch fails later, with its reason.
  private static func branches(_ composition: Composition?) -> Int { (try? composition?.branches().count) ?? 1 }
}

/// The model of one run, with the adapters that its texts have asked for.
struct Session {
  private let predictor: Predictor
  private let route: Route
  private var model: DebertaV2AdapterModel
  private var routes: [Composition: Result<Route, any Error>] = [:]

  init(_ predictor: Predictor, _ route: Route) {
    self.predictor = predictor
    self.route = route
    model = predictor.model
  }

  /// The answers to a batch, in its order.
  mutating func answers(
    _ batch: [Result<TokenizedText, UnansweredText>]
  ) throws -> [Result<Prediction, UnansweredText>] {
    var texts: [RoutedText] = []
    var outcomes: [Result<Int, UnansweredText>] = []
    for item in batch {
      let routed = item.flatMap { text in
        route(of: text.input).map { RoutedText(text: text, route: $0) }
          .mapError { UnansweredText(index: text.input.index, $0) }
      }
      outcomes.append(routed.map { _ in texts.count })
      if case .success(let text) = routed { texts.append(text) }
    }
    let predictions = try predictions(texts)
    return outcomes.map { $0.map { predictions[$0] } }
  }

  private struct RoutedText {
    let text: TokenizedText
    let route: Route
  }

  /// Runs every branch of every text as a row of one batch.
  private func predictions(_ texts: [RoutedText]) throws -> [Prediction] {
    let rows = texts.enumerated().flatMap { index, item in item.route.branches.map { (text: index, branch: $0) } }
    guard !rows.isEmpty else { return [] }
    let encodings = rows.map { texts[$0.text].text.encoding }
    let output = try model(
      Batch(encodings.map(\.ids), tokenTypes: encodings.map(\.tokenTypeIDs)),
      setup: .rows(rows.map(\.branch.composition)), heads: Set(rows.flatMap(\.branch.heads)).sorted(),
      words: .only(predictor.tokenizer.maskID ?? -1), states: .first)
    let heads = output.heads
    var answers: [[(head: String, answer: Answer)]] = texts.map { _ in [] }
    for (index, row) in rows.enumerated() {
      let text = texts[row.text].text
      for name in row.branch.heads {
        guard let head = heads[name] else { continue }
        let answer = Answer(
          output.textLogits(head, row: index), head.settings, text.encoding, text: text.input.text,
          predictor.tokenizer)
        answers[row.text].append((name, answer))
      }
    }
    return zip(texts, answers).map { item, answers in
      Prediction(
        input: item.text.input, answers: answers, tokenCount: item.text.encoding.ids.count,
        truncatedTokens: item.text.encoding.truncatedTokens)
    }
  }

  /// The way of a text; the adapters that it names are loaded.
  private mutating func route(of input: TextInput) -> Result<Route, any Error> {
    guard let setup = input.setup else { return .success(route) }
    if let known = routes[setup] { return known }
    let result = Result {
      if let load = predictor.loadAdapter {
        for name in setup.adapters where model.adapter(name) == nil { try load(name, &model) }
      }
      return try Route(setup, heads: predictor.heads, in: model)
    }
    routes[setup] = result
    return result
  }
}

extension ModelOutput {
  /// A head's logits for the text of a row: one row, or one for each token that it answers and that is no prompt's.
  fileprivate func textLogits(_ head: HeadOutput, row: Int) -> Tensor {
    let logits = head.logits(row: row)
    let prompt = promptTokens(row: row)
    guard head.settings.kind.answersTokens, !prompt.isEmpty else { return logits }
    let own = head.tokens[row].enumerated().filter { !prompt.contains($0.element) }.map(\.offset)
    return Tensor(own.flatMap { logits.rows($0..<$0 + 1).array }, rows: own.count, columns: logits.columns)
  }
}
