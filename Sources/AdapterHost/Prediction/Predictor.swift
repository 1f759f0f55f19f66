public import AdapterMethods
internal import Deberta
internal import Files
internal import Heads
public import Tasks
public import Tokenization

/// Texts in, answers of several heads out.
///
/// ```swift
/// var model = try DebertaV2AdapterModel(folder: "Models/deberta-v3-tiny-en")
/// try model.loadAdapter("Adapters/debian-section", setActive: true)
/// let predictor = try Predictor(model, DebertaV2Tokenizer(folder: "Models/deberta-v3-tiny-en"))
/// let answers = try predictor.predict(["A library for reading PDF files."])
/// print(answers[0].json())
/// ```
///
/// Under Parallel every text is answered by the heads of all branches; a
/// branch without a head is not computed. Texts are put together into
/// batches by their tokens, in their order: rows are packed, so that batches
/// of unlike lengths cost no padding.
public struct Predictor: Sendable {
  public let model: DebertaV2AdapterModel
  public let tokenizer: any Tokenizer
  /// The adapters that act on texts that name none; nil is the base model.
  public let setup: Composition?
  /// The heads that answer; nil: those named like the adapters.
  public let heads: [String]?
  /// How the outputs of heads become answers.
  public let options: AnswerOptions
  /// The most tokens of a text, specials included; what is longer is cut, and the answer says so; a question has
  /// windows of this length, and so has a text for tagging heads if `options.tagging.stride` is set. 0 is as far as the model's layers tell all distances (`advisedLength`); nil is for each
  /// head what it was trained with, or else `InputLength.standard`.
  public var maximumLength: Int?
  /// The tokens of a batch, branches counted; a longer text is a batch alone.
  public var batchTokens = 2048
  /// Loads what a text's own composition names and the model lacks. Without it such a text has no answer.
  public var load: (@Sendable (Composition, inout DebertaV2AdapterModel) throws -> Void)?
  /// The way of texts that name no adapters; the error if no head answers them.
  let route: Result<Route, PredictionError>
  let decoder: AnswerDecoder
  /// The most tokens that the model, or a head that answers, has positions for; nil for no limit.
  private let positionLimit: Int?

  /// A predictor with the model's active adapters and heads.
  ///
  /// Texts may name adapters that have heads, so a model of which no head answers yet is no error; see
  /// ``requireHead()``.
  /// - Parameters:
  ///   - model: what answers.
  ///   - tokenizer: the model's.
  ///   - options: how the outputs of heads become answers.
  /// - Throws: `PredictionError`, if the options name labels that no head has; `AnswerOptionsError`, `TargetError`,
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

  /// The heads that answer texts that name no adapters, with their settings, each once.
  public var answeringHeadSettings: [(name: String, settings: HeadSettings)] {
    var known: Set<String> = []
    let questions = (try? route.get())?.questions ?? []
    return questions.filter { known.insert($0.head).inserted }.compactMap { question in
      model.head(question.head).map { (question.head, $0.settings) }
    }
  }

  /// The names of the heads that answer texts that name no adapters, in order.
  public var answeringHeads: [String] { (try? route.get())?.questions.map(\.label) ?? [] }

  /// Refuses a model of which no head answers texts that name no adapters.
  ///
  /// - Throws: `PredictionError.noHead`.
  public func requireHead() throws(PredictionError) { _ = try route.get() }

  /// Answers texts.
  ///
  /// - Throws: `UnansweredText` for the first text that cannot be answered.
  public func predict(_ texts: [String]) throws -> [Prediction] {
    try predict(texts.enumerated().map { TextInput($1, index: $0) })
  }

  /// Answers texts, each with the adapters that it names.
  ///
  /// - Throws: `UnansweredText` for the first text that cannot be answered.
  public func predict(_ inputs: [TextInput]) throws -> [Prediction] {
    var predictions: [Prediction] = []
    try predict(TextSource(inputs)) { batch in
      for outcome in batch { predictions.append(try outcome.get()) }
    }
    return predictions
  }

  /// Answers texts as they come, in their order, and hands every batch over at once.
  ///
  /// The texts of a batch are cut into tokens while the one before is computed.
  /// - Throws: `InputFileError` if the source fails; `PredictionError.noHead` if no text can have an answer; what `body`
  ///   throws.
  public func predict(
    _ source: consuming sending TextSource, _ body: ([Result<Prediction, UnansweredText>]) throws -> Void
  ) throws {
    let encoder = BatchEncoder(self)
    let batches = Prefetch(source) { source in try encoder.next(from: &source) }
    var session = Session(self)
    while let batch = try batches.next() { try body(session.answers(batch)) }
  }

  /// Cuts a text into tokens, with its pair, as heads read it that neither look for answers nor choose.
  ///
  /// - Parameter input: the text.
  /// - Throws: `TokenizerError`; `PredictionError.tooLong`, if the model has no positions for so many.
  public func encode(_ input: TextInput) throws -> Encoding {
    let encoding = try tokenizer.encode(input.text, pair: input.pair, maximumLength: limit(recorded: nil))
    try checkPositions(encoding)
    return encoding
  }

  /// Cuts a text into tokens, for each of some inputs of heads.
  ///
  /// - Parameters:
  ///   - input: the text, with what the forms need.
  ///   - inputs: what the heads read of it.
  func encode(_ input: TextInput, as inputs: some Collection<HeadInput>) -> EncodedText {
    var readings: [HeadInput: Result<Reading, any Error>] = [:]
    var known: [HeadInput: Result<[TextWindows], any Error>] = [:]
    for head in inputs {
      // Heads whose lengths or forms come to the same share what is read.
      let isText = head.form == .words && input.words == nil && options.tagging.stride == nil
      let own = HeadInput(
        form: isText ? .text : head.form, recordedLength: limit(recorded: head.recordedLength) ?? 0)
      let texts = known[own] ?? Result { try self.texts(of: input, head) }
      known[own] = texts
      readings[head] = texts.map { Reading(form: head.form, texts: $0) }
    }
    return EncodedText(input: input, readings: readings)
  }

  /// What a head reads of a text: a text in one or several windows, or one for each context, choice or hypothesis.
  private func texts(of input: TextInput, _ head: HeadInput) throws -> [TextWindows] {
    let limit = limit(recorded: head.recordedLength)
    let texts: [TextWindows] =
      switch head.form {
      case .text: [TextWindows(try tokenizer.encode(input.text, pair: input.pair, maximumLength: limit))]
      case .words: [try words(input, limit)]
      case .choices:
        try input.choices.map { TextWindows(try tokenizer.encode(input.text, pair: $0, maximumLength: limit)) }
      case .question:
        try input.allContexts.map { context in
          try TextWindows(
            question: input.text, context: context, tokenizer, maximumLength: limit,
            shared: options.questions.docStride)
        }
      case .hypotheses:
        try (options.zeroShot?.hypotheses ?? []).map {
          TextWindows(try tokenizer.encode(input.text, pair: $0, maximumLength: limit, truncation: .onlyFirst))
        }
      }
    for encoding in texts.lazy.flatMap(\.encodings) { try checkPositions(encoding) }
    return texts
  }

  private func words(_ input: TextInput, _ limit: Int?) throws -> TextWindows {
    guard let stride = options.tagging.stride else {
      return TextWindows(try tokenizer.encode(input.sentence.text, pair: input.pair, maximumLength: limit))
    }
    return try TextWindows(
      text: input.sentence.text, pair: input.pair, tokenizer, maximumLength: limit, shared: stride)
  }

  private func limit(recorded: Int?) -> Int? {
    InputLength.limit(
      requested: maximumLength, recorded: recorded, advised: model.configuration.advisedLength)
  }

  private func checkPositions(_ encoding: Encoding) throws(PredictionError) {
    let tokens = encoding.ids.count
    if let limit = positionLimit, tokens > limit { throw .tooLong(tokens: tokens, limit: limit) }
  }
}

extension AnswerOptions {
  /// - Throws: `PredictionError`, if no head knows entailment, or none has a label that is to be ignored.
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
