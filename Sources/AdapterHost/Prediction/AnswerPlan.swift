internal import AdapterMethods
internal import Heads
internal import Tasks
internal import Tensors
internal import Tokenization

/// A text with its route, and the inputs of the heads on it.
struct RoutedText {
  let input: TextInput
  let route: Route
  /// Why some heads are omitted.
  private let lacks: [PredictionError]
  private let readings: [HeadInput: Reading]

  /// - Parameters:
  ///   - text: the text, encoded for the expected heads.
  ///   - route: the route of texts with its adapters.
  ///   - predictor: encodes what is missing.
  /// - Throws: `PredictionError`, if no head can answer it, or the error of its tokenization.
  init(_ text: EncodedText, _ route: Route, _ predictor: Predictor) throws {
    input = text.input
    (self.route, lacks) = try route.part(for: text.input)
    var known = text.readings
    known.merge(predictor.encode(text.input, as: self.route.inputs.filter { known[$0] == nil }).readings) { $1 }
    readings = try Dictionary(
      uniqueKeysWithValues: self.route.inputs.map { ($0, try known[$0]?.get() ?? Reading(form: $0.form, texts: [])) })
  }

  /// The input of a head.
  func reading(_ head: String) -> Reading {
    let input = route.input(head)
    return readings[input] ?? Reading(form: input.form, texts: [])
  }

  /// The number of tokens of a truncated text, and of those read; nil if it was not truncated.
  var cut: (tokens: Int, read: Int)? {
    readings.values.lazy.flatMap(\.encodings).first { $0.truncatedTokens > 0 }.map {
      ($0.ids.count + $0.truncatedTokens, $0.ids.count)
    }
  }

  /// The tokens of each row that is computed of the text.
  var rowLengths: [Int] {
    route.branches.indices.flatMap { branch in
      let heads = route.questions.filter { $0.branch == branch }.map { reading($0.head) }
      return EncodedText.distinct(heads).joined().map(\.ids.count)
    }
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

/// The sequences that the heads of some texts read, and how to turn outputs into answers.
struct AnswerPlan: Sendable {
  /// A sequence with its adapters and the heads that read it.
  struct Row: Sendable {
    let encoding: Encoding
    let composition: Composition?
    var heads: Set<String> = []
  }

  /// A head's task, with the rows that it reads.
  private struct HeadTask: Sendable {
    let text: Int
    let question: Route.Question
    let reading: Reading
    let rows: Range<Int>
  }

  private let texts: [RoutedText]
  private(set) var rows: [Row] = []
  private var tasks: [HeadTask] = []

  init(_ texts: [RoutedText]) {
    self.texts = texts
    for (index, item) in texts.enumerated() {
      // Heads of one branch with equal inputs share rows.
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
  }

  /// Turns the heads' outputs into predictions.
  ///
  /// - Parameters:
  ///   - outputs: the logits of each row's heads, by name.
  ///   - model: the model with the heads.
  ///   - decoder: turns outputs into answers.
  ///   - tokenizer: the tokenizer of the rows.
  /// - Returns: each text's answers, or why a head has none.
  func predictions(
    _ outputs: [[String: Tensor]], _ model: DebertaV2AdapterModel, _ decoder: AnswerDecoder,
    _ tokenizer: any Tokenizer
  ) -> [Result<Prediction, UnansweredText>] {
    var answers: [Result<[(head: String, answer: Answer)], PredictionError>] = texts.map { _ in .success([]) }
    for task in tasks {
      guard let settings = model.head(task.question.head)?.settings else { continue }
      answers[task.text] = answers[task.text].flatMap { answers in
        let logits = logits(of: task, outputs)
        guard logits.allSatisfy(\.isFinite) else { return .failure(.notFinite(head: task.question.head)) }
        if settings.kind == .maskedLM, let lost = lostMasks(texts[task.text].input, task.reading, tokenizer) {
          return .failure(lost)
        }
        let answer = decoder.answer(logits, settings, task.reading, texts[task.text].input)
        return .success(answers + [(task.question.label, answer)])
      }
    }
    return zip(texts, answers).map { text, answers in
      answers.map(text.prediction).mapError { UnansweredText(text.input, $0) }
    }
  }

  /// The logits of each text's heads, in the order of its answers.
  func logits(_ outputs: [[String: Tensor]]) -> [[HeadLogits]] {
    var all: [[HeadLogits]] = texts.map { _ in [] }
    for task in tasks {
      let own = logits(of: task, outputs)
      all[task.text].append(
        HeadLogits(
          head: task.question.label, rows: own.map(\.rows), columns: own.first?.columns ?? 0,
          values: own.flatMap(\.array)))
    }
    return all
  }

  private func logits(of task: HeadTask, _ outputs: [[String: Tensor]]) -> [Tensor] {
    task.rows.compactMap { outputs[$0][task.question.head] }
  }

  /// The error for masks without an answer because they were truncated.
  private func lostMasks(
    _ input: TextInput, _ reading: Reading, _ tokenizer: any Tokenizer
  ) -> PredictionError? {
    guard let encoding = reading.encodings.first, encoding.truncatedTokens > 0,
      let id = tokenizer.maskID, let mask = tokenizer.piece(of: id)
    else { return nil }
    let found = [input.text, input.pair ?? ""].reduce(0) { $0 + $1.ranges(of: mask).count }
    let read = encoding.ids.count { $0 == id }
    return found > read ? .lostMasks(found: found, read: read, limit: encoding.ids.count) : nil
  }
}

/// A head's outputs for one text.
public struct HeadLogits: Sendable, Hashable {
  /// The answer's name.
  public let head: String
  /// The number of rows of each sequence: 1, or one per answered token.
  public let rows: [Int]
  /// The number of outputs of the head.
  public let columns: Int
  /// All rows, concatenated.
  public let values: [Float]
}
