public import AdapterMethods
internal import Deberta
internal import Files
internal import Heads
public import Tasks
public import Tokenization

/// Answers texts with one or more heads.
///
/// ```swift
/// var model = try DebertaV2AdapterModel(folder: "Models/deberta-v3-tiny-en")
/// try model.loadAdapter("Adapters/debian-section", setActive: true)
/// let predictor = try Predictor(model, DebertaV2Tokenizer(folder: "Models/deberta-v3-tiny-en"))
/// let answers = try predictor.predict(["A library for reading PDF files."])
/// print(answers[0].json())
/// ```
///
/// Under Parallel every text is answered by the heads of all branches; a branch without a head is not computed. Texts
/// are batched by tokens, in order: rows are packed, so batches of different lengths need no padding.
public struct Predictor: Sendable {
  public let model: DebertaV2AdapterModel
  public let tokenizer: any Tokenizer
  /// The adapters for texts that name none; nil is the base model.
  public let setup: Composition?
  /// The heads that answer; nil: those named after the adapters.
  public let heads: [String]?
  /// How outputs become answers.
  public let options: AnswerOptions
  /// The maximum number of tokens of a text, including special tokens; longer texts are truncated, which the answer
  /// reports.
  ///
  /// Questions, and texts for tagging heads if `options.tagging.stride` is set, use windows of this length instead. 0
  /// is the length up to which the model's layers resolve all distances (`advisedLength`); nil is, for each head, the
  /// length it was trained with, or else `InputLength.standard`.
  public var maximumLength: Int?
  /// The maximum number of tokens in a batch, over all branches; a longer text is run alone.
  public var batchTokens = 2048
  /// Loads the parts of a text's composition that the model does not have.
  ///
  /// Without it such a text has no answer.
  public var load: (@Sendable (Composition, inout DebertaV2AdapterModel) throws -> Void)?
  /// The route of texts that name no adapters; an error if no head answers them.
  let route: Result<Route, PredictionError>
  let decoder: AnswerDecoder
  /// What cutting a text into tokens may take.
  var bounds = TokenBounds()
  /// The maximum number of positions of the model, or of an answering head; nil if unlimited.
  private let positionLimit: Int?

  /// A predictor with the model's active adapters and heads.
  ///
  /// Texts may name adapters with heads, so a model without an answering head is not an error; see ``requireHead()``.
  /// - Parameters:
  ///   - model: the model with adapters and heads.
  ///   - tokenizer: the model's tokenizer.
  ///   - options: how outputs become answers.
  /// - Throws: `PredictionError`, if the options contain labels that no head has; `AnswerOptionsError`, `TargetError`,
  ///   `CompositionError`, `ModelError`.
  public init(
    _ model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer, options: AnswerOptions = AnswerOptions()
  ) throws {
    self.model = model
    self.tokenizer = tokenizer
    setup = model.activeAdapters
    heads = model.activeHeads
    self.options = options
    decoder = try AnswerDecoder(options, tokenizer)
    do { route = .success(try Route(setup, heads: heads, in: model, options: options)) } catch let error
      as PredictionError
    {
      route = .failure(error)
    }
    let questions = (try? route.get())?.questions ?? []
    let ofHeads = questions.compactMap { model.head($0.head)?.queryPositions?.rows }
    positionLimit = ([model.configuration.longestText].compactMap { $0 } + ofHeads).min()
    if case .success = route { try options.checkLabels(of: answeringHeadSettings) }
  }

  /// The heads for texts that name no adapters, with their settings, without duplicates.
  public var answeringHeadSettings: [(name: String, settings: HeadSettings)] {
    var known: Set<String> = []
    let questions = (try? route.get())?.questions ?? []
    return questions.filter { known.insert($0.head).inserted }.compactMap { question in
      model.head(question.head).map { (question.head, $0.settings) }
    }
  }

  /// The names of the heads for texts that name no adapters, in order.
  public var answeringHeads: [String] { (try? route.get())?.questions.map(\.label) ?? [] }

  /// Refuses a model without a head for texts that name no adapters.
  ///
  /// - Throws: `PredictionError.noHead`.
  public func requireHead() throws(PredictionError) { _ = try route.get() }

  /// Answers texts.
  ///
  /// - Throws: `UnansweredText` for the first text that cannot be answered.
  public func predict(_ texts: [String]) throws -> [Prediction] {
    try predict(texts.enumerated().map { TextInput($1, index: $0) })
  }

  /// Answers texts with the adapters that each names.
  ///
  /// - Throws: `UnansweredText` for the first text that cannot be answered.
  public func predict(_ inputs: [TextInput]) throws -> [Prediction] {
    var predictions: [Prediction] = []
    try predict(TextSource(inputs)) { batch in
      for outcome in batch { predictions.append(try outcome.get()) }
    }
    return predictions
  }

  /// Answers texts as they arrive, in order, and passes on every batch as soon as it is computed.
  ///
  /// The texts of a batch are tokenized while the previous one is computed.
  /// - Throws: `InputFileError`, if the source fails; `PredictionError.noHead`, if no text can have an answer; the
  ///   errors of `body`.
  public func predict(
    _ source: consuming sending TextSource, _ body: ([Result<Prediction, UnansweredText>]) throws -> Void
  ) throws {
    let encoder = BatchEncoder(self)
    let batches = Prefetch(source) { source in try encoder.next(from: &source) }
    var session = Session(self)
    while let batch = try batches.next() { try body(session.answers(batch)) }
  }

  /// Encodes a text with its pair, as classification heads read it.
  ///
  /// - Parameter input: the text.
  /// - Throws: `TokenizerError`; `PredictionError.tooLong`, if it exceeds the model's positions.
  public func encode(_ input: TextInput) throws -> Encoding {
    let encoding = try tokenizer.encode(input.text, pair: input.pair, maximumLength: limit(recorded: nil))
    try checkPositions(encoding)
    return encoding
  }

  /// Encodes a text for several heads' inputs.
  ///
  /// - Parameters:
  ///   - input: the text, with the parts that the forms need.
  ///   - inputs: the heads' inputs.
  func encode(_ input: TextInput, as inputs: some Collection<HeadInput>) -> EncodedText {
    var readings: [HeadInput: Result<Reading, any Error>] = [:]
    var known: [HeadInput: Result<[TextWindows], any Error>] = [:]
    var bounds = bounds
    for head in inputs {
      // Heads with equivalent lengths and forms share encodings.
      let isText = head.form == .words && input.words == nil && options.tagging.stride == nil
      let own = HeadInput(
        form: isText ? .text : head.form, recordedLength: limit(recorded: head.recordedLength) ?? 0)
      let texts = known[own] ?? Result { try self.texts(of: input, head, &bounds) }
      known[own] = texts
      readings[head] = texts.map { Reading(form: head.form, texts: $0) }
    }
    return EncodedText(input: input, readings: readings)
  }

  /// A text as a head reads it: one or several windows, or one for each context, choice or hypothesis.
  private func texts(of input: TextInput, _ head: HeadInput, _ bounds: inout TokenBounds) throws -> [TextWindows] {
    let limit = limit(recorded: head.recordedLength)
    let texts: [TextWindows] =
      switch head.form {
      case .text:
        [
          try bounds.spend { _ in TextWindows(try tokenizer.encode(input.text, pair: input.pair, maximumLength: limit))
          }
        ]
      case .words: [try bounds.spend { try words(input, limit, within: $0) }]
      case .choices:
        try input.choices.map { choice in
          try bounds.spend { _ in TextWindows(try tokenizer.encode(input.text, pair: choice, maximumLength: limit)) }
        }
      case .question:
        try input.allContexts.map { context in
          for (part, text) in [("question", input.text), ("context", context)] where text.allSatisfy(\.isWhitespace) {
            throw PredictionError.emptyPart(part)
          }
          return try bounds.spend {
            try TextWindows(
              question: input.text, context: context, tokenizer, maximumLength: limit,
              shared: options.questions.docStride, limit: $0)
          }
        }
      case .hypotheses:
        try (options.zeroShot?.candidateLabels ?? []).map { label in
          try bounds.spend { _ in
            TextWindows(
              try tokenizer.encode(
                input.text, pair: options.zeroShot?.hypothesis(label), maximumLength: limit, truncation: .onlyFirst))
          }
        }
      }
    for encoding in texts.lazy.flatMap(\.encodings) { try checkPositions(encoding) }
    return texts
  }

  private func words(_ input: TextInput, _ limit: Int?, within tokens: Int) throws -> TextWindows {
    guard let stride = options.tagging.stride else {
      return TextWindows(try tokenizer.encode(input.sentence.text, pair: input.pair, maximumLength: limit))
    }
    return try TextWindows(
      text: input.sentence.text, pair: input.pair, tokenizer, maximumLength: limit, shared: stride, limit: tokens)
  }

  private func limit(recorded: Int?) -> Int? {
    InputLength.limit(
      requested: maximumLength, recorded: recorded, tokenizer: tokenizer.maximumLength,
      advised: model.configuration.advisedLength)
  }

  private func checkPositions(_ encoding: Encoding) throws(PredictionError) {
    let tokens = encoding.ids.count
    if let limit = positionLimit, tokens > limit { throw .tooLong(tokens: tokens, limit: limit) }
  }
}

extension AnswerOptions {
  /// - Throws: `PredictionError`, if there is no entailment head, or no head has a label to be ignored.
  fileprivate func checkLabels(of heads: [(name: String, settings: HeadSettings)]) throws(PredictionError) {
    if zeroShot != nil, let first = heads.first, !heads.contains(where: { EntailmentOutputs($0.settings) != nil }) {
      throw .noEntailment(head: first.name, labels: first.settings.labelNames)
    }
    let tagging = heads.filter { $0.settings.kind == .tagging }
    guard let ignored = self.tagging.ignoreLabels, let first = tagging.first else { return }
    let known = tagging.flatMap { self.tagging.ignorableLabels($0.settings.labelNames) }
    for name in ignored.sorted() where name != "O" && !known.contains(name) {
      throw .unknownIgnoredLabel(name, head: first.name, known: known, nearest: NearestNames.of(name, in: known))
    }
  }
}
