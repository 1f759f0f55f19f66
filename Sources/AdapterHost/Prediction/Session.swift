internal import AdapterMethods
internal import Deberta
internal import Heads
internal import Model
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
  /// The heads of a text that names its adapters are known later; it has the forms that can be made of it.
  /// - Parameter input: the text.
  private func encoded(_ input: TextInput) -> (text: EncodedText, tokens: Int) {
    if let setup = input.setup {
      let text = predictor.encode(input, as: TextForm.all(of: input).map { HeadInput(form: $0) })
      // What cannot branch fails later, with its reason.
      return (text, text.tokenCount(text.encodings.keys) * ((try? setup.branches().count) ?? 1))
    }
    guard let part = try? route.part(for: input).route else { return (EncodedText(input: input, encodings: [:]), 0) }
    let text = predictor.encode(input, as: part.inputs)
    return (text, part.branches.indices.reduce(0) { $0 + text.tokenCount(part.inputs(branch: $1)) })
  }
}

/// A text with its way, and what the heads on it read.
private struct RoutedText {
  let input: TextInput
  let route: Route
  /// Why heads are left out.
  private let lacks: [PredictionError]
  private let encodings: [HeadInput: [Encoding]]

  /// - Parameters:
  ///   - text: the text, with what was expected that the heads read.
  ///   - route: the way of texts with its adapters.
  ///   - predictor: what cuts into tokens what is missing.
  /// - Throws: `PredictionError` if no head can answer it, or what was thrown when it was cut into tokens.
  init(_ text: EncodedText, _ route: Route, _ predictor: Predictor) throws {
    input = text.input
    (self.route, lacks) = try route.part(for: text.input)
    var known = text.encodings
    known.merge(predictor.encode(text.input, as: self.route.inputs.filter { known[$0] == nil }).encodings) { $1 }
    encodings = try Dictionary(uniqueKeysWithValues: self.route.inputs.map { ($0, try known[$0]?.get() ?? []) })
  }

  /// What a head reads: a sequence, or one for each choice.
  func encodings(_ head: String) -> [Encoding] { encodings[route.input(head)] ?? [] }

  func prediction(_ answers: [(head: String, answer: Answer)]) -> Prediction {
    func sequences(_ forms: [TextForm]) -> [Encoding] {
      Array(EncodedText.distinct(encodings.filter { forms.contains($0.key.form) }.map(\.value)).joined())
    }
    let (texts, choices) = (sequences([.question, .text, .words]), sequences([.choices]))
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

  /// What a head reads: rows of the batch.
  private struct Reading {
    let text: Int
    let question: Route.Question
    let rows: Range<Int>
  }

  /// Runs what the heads of every branch of every text read as rows of one batch.
  ///
  /// - Returns: for each text its answers, or why a head has none.
  /// - Throws: what makes it impossible to run this batch.
  private func predictions(_ texts: [RoutedText]) throws -> [Result<Prediction, UnansweredText>] {
    var rows: [(encoding: Encoding, composition: Composition?)] = []
    var readings: [Reading] = []
    for (index, item) in texts.enumerated() {
      // Heads of one branch that read the same share its rows.
      var known: [(branch: Int, encodings: [Encoding], rows: Range<Int>)] = []
      for question in item.route.questions {
        let encodings = item.encodings(question.head)
        let shared = known.first { $0.branch == question.branch && $0.encodings == encodings }?.rows
        let own = shared ?? rows.count..<rows.count + encodings.count
        if shared == nil {
          known.append((question.branch, encodings, own))
          rows += encodings.map { ($0, item.route.branches[question.branch]) }
        }
        readings.append(Reading(text: index, question: question, rows: own))
      }
    }
    guard !rows.isEmpty else { return [] }
    var heads: [Set<String>] = rows.map { _ in [] }
    for reading in readings {
      for row in reading.rows { heads[row].insert(reading.question.head) }
    }
    let output = try model.bound(
      Batch(rows.map(\.encoding.ids), tokenTypes: rows.map(\.encoding.tokenTypeIDs)),
      rows: zip(rows, heads).map { ($0.composition, $1.sorted()) },
      answering: .masks(predictor.tokenizer.maskID ?? -1), states: .first, on: Pass(model.compute))
    let outputs = output.heads.mapValues { head in
      (head: head, places: Dictionary(uniqueKeysWithValues: head.answeredRows.enumerated().map { ($1, $0) }))
    }
    var answers: [Result<[(head: String, answer: Answer)], PredictionError>] = texts.map { _ in .success([]) }
    for reading in readings {
      guard let (head, places) = outputs[reading.question.head] else { continue }
      answers[reading.text] = answers[reading.text].flatMap { answers in
        let logits = reading.rows.compactMap { places[$0].map(head.logits(row:)) }
        guard logits.allSatisfy(\.isFinite) else { return .failure(.notFinite(head: reading.question.head)) }
        let answer = Answer(
          logits, head.settings, rows[reading.rows].map(\.encoding), texts[reading.text].input, predictor.tokenizer)
        return .success(answers + [(reading.question.label, answer)])
      }
    }
    return zip(texts, answers).map { text, answers in
      answers.map(text.prediction).mapError { UnansweredText(text.input, $0) }
    }
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
