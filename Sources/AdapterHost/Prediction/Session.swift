internal import AdapterMethods
internal import Deberta
internal import Heads
internal import Model
internal import Tasks
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
      return (text, text.tokenCount(text.readings.keys) * ((try? setup.branches().count) ?? 1))
    }
    guard let part = try? route.part(for: input).route else { return (EncodedText(input: input, readings: [:]), 0) }
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
  private let readings: [HeadInput: Reading]

  /// - Parameters:
  ///   - text: the text, with what was expected that the heads read.
  ///   - route: the way of texts with its adapters.
  ///   - predictor: what cuts into tokens what is missing.
  /// - Throws: `PredictionError` if no head can answer it, or what was thrown when it was cut into tokens.
  init(_ text: EncodedText, _ route: Route, _ predictor: Predictor) throws {
    input = text.input
    (self.route, lacks) = try route.part(for: text.input)
    var known = text.readings
    known.merge(predictor.encode(text.input, as: self.route.inputs.filter { known[$0] == nil }).readings) { $1 }
    readings = try Dictionary(
      uniqueKeysWithValues: self.route.inputs.map { ($0, try known[$0]?.get() ?? Reading(form: $0.form, texts: [])) })
  }

  /// What a head reads.
  func reading(_ head: String) -> Reading {
    let input = route.input(head)
    return readings[input] ?? Reading(form: input.form, texts: [])
  }

  func prediction(_ answers: [(head: String, answer: Answer)]) -> Prediction {
    func sequences(_ forms: [TextForm]) -> [Encoding] {
      Array(EncodedText.distinct(readings.filter { forms.contains($0.key.form) }.map(\.value)).joined())
    }
    let (texts, choices) = (sequences([.question, .text, .words, .hypotheses]), sequences([.choices]))
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

  /// What a head is to answer, and the rows that it reads.
  private struct HeadTask {
    let text: Int
    let question: Route.Question
    let reading: Reading
    let rows: Range<Int>
  }

  /// Runs what the heads of every branch of every text read.
  ///
  /// - Returns: for each text its answers, or why a head has none.
  /// - Throws: what makes it impossible to run this batch.
  private func predictions(_ texts: [RoutedText]) throws -> [Result<Prediction, UnansweredText>] {
    var rows: [Row] = []
    var tasks: [HeadTask] = []
    for (index, item) in texts.enumerated() {
      // Heads of one branch that read the same share its rows.
      var known: [(branch: Int, encodings: [Encoding], rows: Range<Int>)] = []
      for question in item.route.questions {
        let reading = item.reading(question.head)
        let encodings = reading.encodings
        let shared = known.firstIndex { $0.branch == question.branch && $0.encodings == encodings }
        let own = shared.map { known[$0].rows } ?? rows.count..<rows.count + encodings.count
        if shared == nil {
          known.append((question.branch, encodings, own))
          rows += encodings.map { Row(encoding: $0, composition: item.route.branches[question.branch]) }
        }
        for row in own { rows[row].heads.insert(question.head) }
        tasks.append(HeadTask(text: index, question: question, reading: reading, rows: own))
      }
    }
    let outputs = try outputs(of: rows)
    var answers: [Result<[(head: String, answer: Answer)], PredictionError>] = texts.map { _ in .success([]) }
    for task in tasks {
      guard let settings = model.head(task.question.head)?.settings else { continue }
      answers[task.text] = answers[task.text].flatMap { answers in
        let logits = task.rows.compactMap { outputs[$0][task.question.head] }
        guard logits.allSatisfy(\.isFinite) else { return .failure(.notFinite(head: task.question.head)) }
        if settings.kind == .maskedLM, let lost = lostMasks(texts[task.text].input, task.reading) {
          return .failure(lost)
        }
        let answer = predictor.decoder.answer(logits, settings, task.reading, texts[task.text].input)
        return .success(answers + [(task.question.label, answer)])
      }
    }
    return zip(texts, answers).map { text, answers in
      answers.map(text.prediction).mapError { UnansweredText(text.input, $0) }
    }
  }

  /// Why masks have no answer: they stand in what was cut off.
  private func lostMasks(_ input: TextInput, _ reading: Reading) -> PredictionError? {
    guard let encoding = reading.encodings.first, encoding.truncatedTokens > 0,
      let id = predictor.tokenizer.maskID, let mask = predictor.tokenizer.piece(of: id)
    else { return nil }
    let found = [input.text, input.pair ?? ""].reduce(0) { $0 + $1.ranges(of: mask).count }
    let read = encoding.ids.count { $0 == id }
    return found > read ? .lostMasks(found: found, read: read, limit: encoding.ids.count) : nil
  }

  /// A sequence, what acts on it, and the heads that read it.
  private struct Row {
    let encoding: Encoding
    let composition: Composition?
    var heads: Set<String> = []
  }

  /// The outputs of the heads for each row.
  ///
  /// No more rows run at a time than texts that fill a batch have, so that the windows of one long text need no more
  /// memory than many short texts.
  private func outputs(of rows: [Row]) throws -> [[String: Tensor]] {
    var outputs: [[String: Tensor]] = []
    while outputs.count < rows.count {
      var tokens = 0
      let batch = rows[outputs.count...].prefix { row in
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
    return outputs
  }

  /// The way of a text; the adapters that it names are loaded.
  private mutating func route(of input: TextInput) -> Result<Route, any Error> {
    guard let setup = input.setup else { return .success(route) }
    if let known = routes[setup] { return known }
    let result = Result {
      try predictor.load?(setup, &model)
      return try Route(setup, heads: predictor.heads, in: model, options: predictor.options)
    }
    routes[setup] = result
    return result
  }
}
