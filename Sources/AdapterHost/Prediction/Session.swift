internal import AdapterMethods
internal import Deberta
internal import Heads
internal import Tensors
internal import Tokenization

/// Fills batches with texts.
struct BatchEncoder: Sendable {
  private let predictor: Predictor
  private let route: Route

  /// - Parameters:
  ///   - predictor: what answers.
  ///   - route: the way of texts that name no adapters.
  init(_ predictor: Predictor, _ route: Route) {
    self.predictor = predictor
    self.route = route
  }

  /// Texts up to the batch's tokens, or up to the point where the next text would have to be awaited.
  func next(from source: inout TextSource) throws -> [Result<EncodedText, UnansweredText>]? {
    var batch: [Result<EncodedText, UnansweredText>] = []
    var tokens = 0
    while tokens < predictor.batchTokens, try batch.isEmpty || source.isReady(), let input = try source.next() {
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
  /// The heads of a text that names its adapters are known later; it has all forms that can be made of it.
  /// - Parameter input: the text.
  private func encoded(_ input: TextInput) -> (text: EncodedText, tokens: Int) {
    if let setup = input.setup {
      let text = predictor.encode(input, as: TextForm.all(of: input))
      // What cannot branch fails later, with its reason.
      return (text, text.tokenCount(text.forms) * ((try? setup.branches().count) ?? 1))
    }
    guard let part = try? route.part(for: input).route else { return (EncodedText(input: input, encodings: [:]), 0) }
    let text = predictor.encode(input, as: part.forms)
    return (text, part.branches.reduce(0) { $0 + text.tokenCount(part.forms($1.heads)) })
  }
}

/// A text with its way, and what the heads on it read.
private struct RoutedText {
  let input: TextInput
  let route: Route
  /// Why heads are left out.
  private let lacks: [PredictionError]
  private let encodings: [TextForm: [Encoding]]

  /// - Parameters:
  ///   - text: the text, with all that the heads read.
  ///   - route: the way of texts with its adapters.
  /// - Throws: `PredictionError` if no head can answer it, or what was thrown when it was cut into tokens.
  init(_ text: EncodedText, _ route: Route) throws {
    input = text.input
    (self.route, lacks) = try route.part(for: text.input)
    var encodings: [TextForm: [Encoding]] = [:]
    for form in TextForm.allCases where self.route.forms.contains(form) {
      encodings[form] = try text.encodings[form]?.get()
    }
    self.encodings = encodings
  }

  /// What a head reads: a sequence, or one for each choice.
  func encodings(_ head: String) -> [Encoding] { encodings[route.form(head)] ?? [] }

  func prediction(_ answers: [(head: String, answer: Answer)]) -> Prediction {
    let question = encodings[.question] ?? []
    let texts = question == encodings[.text] ? question : question + (encodings[.text] ?? [])
    let choices = encodings[.choices] ?? []
    let longestText = texts.map(\.ids.count).max() ?? 0
    let longestChoice = choices.map(\.ids.count).max() ?? 0
    return Prediction(
      input: input, answers: answers, lacks: lacks, tokenCount: (texts + choices).reduce(0) { $0 + $1.ids.count },
      longestSequence: max(longestText, longestChoice), isLongestWithChoice: longestChoice > longestText,
      truncatedTokens: (texts + choices).reduce(0) { $0 + $1.truncatedTokens })
  }
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
    _ batch: [Result<EncodedText, UnansweredText>]
  ) throws -> [Result<Prediction, UnansweredText>] {
    var texts: [RoutedText] = []
    var outcomes: [Result<Int, UnansweredText>] = []
    for item in batch {
      let routed = item.flatMap { text in
        route(of: text.input).flatMap { route in Result { try RoutedText(text, route) } }
          .mapError { UnansweredText(index: text.input.index, $0) }
      }
      outcomes.append(routed.map { _ in texts.count })
      if case .success(let text) = routed { texts.append(text) }
    }
    let predictions = try predictions(texts)
    return outcomes.map { $0.map { predictions[$0] } }
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
        // Heads of one branch that read the same share its rows.
        var known: [(encodings: [Encoding], rows: Range<Int>)] = []
        for head in branch.heads {
          let encodings = item.encodings(head)
          let shared = known.first { $0.encodings == encodings }?.rows
          let own = shared ?? rows.count..<rows.count + encodings.count
          if shared == nil {
            known.append((encodings, own))
            rows += encodings.map { (encoding: $0, composition: branch.composition) }
          }
          readings.append(Reading(text: index, head: head, rows: own))
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
      let input = texts[reading.text].input
      let first = reading.rows.lowerBound
      let answer =
        head.settings.kind == .multipleChoice
        ? Answer(among: input.choices, reading.rows.map { head.logits(row: $0)[0, 0] })
        : Answer(
          output.textLogits(head, row: first), head.settings, rows[first].encoding, input, predictor.tokenizer)
      answers[reading.text].append((reading.head, answer))
    }
    return zip(texts, answers).map { $0.prediction($1) }
  }

  /// The way of a text; the adapters that it names are loaded.
  private mutating func route(of input: TextInput) -> Result<Route, any Error> {
    guard let setup = input.setup else { return .success(route) }
    if let known = routes[setup] { return known }
    let result = Result {
      try predictor.load?(setup, &model)
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
