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
        Result { try predictor.tokenized(input) }
          .mapError { UnansweredText(index: input.index, $0) }
      }
      if case .success(let text) = item {
        let own = text.choices.reduce(text.encoding.ids.count) { $0 + $1.ids.count }
        tokens += own * (text.input.setup.map { Self.branches($0) } ?? branches)
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
        route(of: text.input).flatMap { route in
          Result {
            try route.check(text.input)
            return RoutedText(text: text, route: route)
          }
        }.mapError { UnansweredText(index: text.input.index, $0) }
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

    func prediction(_ answers: [(head: String, answer: Answer)]) -> Prediction {
      let sequences = route.sequences(of: text)
      let lengths = sequences.map(\.ids.count)
      return Prediction(
        input: text.input, answers: answers, tokenCount: lengths.reduce(0, +), longestSequence: lengths.max() ?? 0,
        truncatedTokens: sequences.reduce(0) { $0 + $1.truncatedTokens })
    }
  }

  /// What a head reads: rows of the batch.
  private struct Reading {
    let text: Int
    let head: String
    let rows: Range<Int>
  }

  /// Runs what the heads of every branch of every text read as rows of one batch.
  private func predictions(_ texts: [RoutedText]) throws -> [Prediction] {
    var rows: [(encoding: Encoding, composition: Composition?)] = []
    var readings: [Reading] = []
    for (index, item) in texts.enumerated() {
      for branch in item.route.branches {
        func add(_ encodings: [Encoding]) -> Range<Int> {
          let first = rows.count
          rows += encodings.map { (encoding: $0, composition: branch.composition) }
          return first..<rows.count
        }
        // Heads of one branch that read the same share its rows.
        let text = branch.heads.allSatisfy(item.route.chooses) ? 0..<0 : add([item.text.encoding])
        let choices = branch.heads.contains(where: item.route.chooses) ? add(item.text.choices) : 0..<0
        readings += branch.heads.map { head in
          Reading(text: index, head: head, rows: item.route.chooses(head) ? choices : text)
        }
      }
    }
    guard !rows.isEmpty else { return [] }
    let output = try model(
      Batch(rows.map(\.encoding.ids), tokenTypes: rows.map(\.encoding.tokenTypeIDs)),
      setup: .rows(rows.map(\.composition)), heads: Set(readings.map(\.head)).sorted(),
      words: .only(predictor.tokenizer.maskID ?? -1), states: .first)
    let heads = output.heads
    var answers: [[(head: String, answer: Answer)]] = texts.map { _ in [] }
    for reading in readings {
      guard let head = heads[reading.head] else { continue }
      let text = texts[reading.text].text
      let answer =
        head.settings.kind == .multipleChoice
        ? Answer(among: text.input.choices, reading.rows.map { head.logits(row: $0)[0, 0] })
        : Answer(
          output.textLogits(head, row: reading.rows.lowerBound), head.settings, text.encoding, text.input,
          predictor.tokenizer)
      answers[reading.text].append((reading.head, answer))
    }
    return zip(texts, answers).map { $0.prediction($1) }
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
