public import AdapterMethods
internal import Deberta
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
  /// The most tokens of a text, specials included; what is longer is cut, and the answer says so; a question has
  /// windows of this length. 0 is as far as the model's layers tell all distances (`advisedLength`); nil is for each
  /// head what it was trained with, or else `InputLength.standard`.
  public var maximumLength: Int?
  /// The tokens of a batch, branches counted; a longer text is a batch alone.
  public var batchTokens = 2048
  /// Loads what a text's own composition names and the model lacks. Without it such a text has no answer.
  public var load: (@Sendable (Composition, inout DebertaV2AdapterModel) throws -> Void)?
  private let route: Route
  /// The most tokens that the model, or a head that answers, has positions for; nil for no limit.
  private let positionLimit: Int?

  /// A predictor with the model's active adapters and heads.
  ///
  /// - Throws: `PredictionError`, if no head would answer; `CompositionError`, `ModelError`.
  public init(_ model: DebertaV2AdapterModel, _ tokenizer: any Tokenizer) throws {
    self.model = model
    self.tokenizer = tokenizer
    setup = model.activeAdapters
    heads = model.activeHeads
    route = try Route(setup, heads: heads, in: model)
    let shape = model.configuration
    positionLimit =
      shape.addsAbsolutePositions
      ? shape.maximumPositions
      : route.questions.compactMap { model.head($0.head)?.queryPositions?.rows }.min()
  }

  /// The names of the heads that answer texts that name no adapters, in order.
  public var answeringHeads: [String] { route.questions.map(\.label) }

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
  /// - Throws: `InputFileError` if the source fails; what `body` throws.
  public func predict(
    _ source: consuming sending TextSource, _ body: ([Result<Prediction, UnansweredText>]) throws -> Void
  ) throws {
    let encoder = BatchEncoder(self, route)
    let batches = Prefetch(source) { source in try encoder.next(from: &source) }
    var session = Session(self, route)
    while let batch = try batches.next() { try body(session.answers(batch)) }
  }

  /// Cuts a text into tokens, with its pair, as heads read it that neither look for answers nor choose.
  ///
  /// - Parameter input: the text.
  /// - Throws: `TokenizerError`; `PredictionError.tooLong`, if the model has no positions for so many.
  public func encode(_ input: TextInput) throws -> Encoding {
    try encode(input.text, input.pair, limit(recorded: nil))
  }

  /// Cuts a text into tokens, for each of some inputs of heads.
  ///
  /// - Parameters:
  ///   - input: the text, with what the forms need.
  ///   - inputs: what the heads read of it.
  func encode(_ input: TextInput, as inputs: some Collection<HeadInput>) -> EncodedText {
    var encodings: [HeadInput: Result<[Encoding], any Error>] = [:]
    var known: [HeadInput: Result<[Encoding], any Error>] = [:]
    for head in inputs {
      // Heads whose lengths or forms come to the same share what is read.
      let own = HeadInput(
        form: head.form == .words && input.words == nil ? .text : head.form,
        recordedLength: limit(recorded: head.recordedLength) ?? 0)
      let result = known[own] ?? Result { try sequences(input, own) }
      known[own] = result
      encodings[head] = result
    }
    return EncodedText(input: input, encodings: encodings)
  }

  /// What a head reads of a text: a sequence, or one for each window or choice.
  private func sequences(_ input: TextInput, _ head: HeadInput) throws -> [Encoding] {
    let limit = limit(recorded: head.recordedLength)
    switch head.form {
    case .text: return [try encode(input.text, input.pair, limit)]
    case .words: return [try encode(input.sentence.text, input.pair, limit)]
    case .choices: return try input.choices.map { try encode(input.text, $0, limit) }
    case .question:
      let windows = try QuestionWindows(input.text, context: input.pair ?? "", tokenizer, maximumLength: limit)
      return try windows.encodings.map(withinPositions)
    }
  }

  private func encode(_ text: String, _ pair: String?, _ limit: Int?) throws -> Encoding {
    try withinPositions(tokenizer.encode(text, pair: pair, maximumLength: limit))
  }

  private func limit(recorded: Int?) -> Int? {
    InputLength.limit(
      requested: maximumLength, recorded: recorded, advised: model.configuration.advisedLength)
  }

  private func withinPositions(_ encoding: Encoding) throws(PredictionError) -> Encoding {
    let tokens = encoding.ids.count
    if let limit = positionLimit, tokens > limit { throw .tooLong(tokens: tokens, limit: limit) }
    return encoding
  }
}
