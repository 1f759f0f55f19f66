internal import AdapterMethods
internal import Checkpoints
internal import Deberta
public import Heads
internal import Model
internal import Synchronization
public import Tasks
public import Tensors
public import Tokenization

/// Answers texts for many concurrent callers: looks up names, loads adapters on first use, tokenizes, and computes all
/// rows in one `Engine`.
///
/// Answers equal those of `Predictor`, bit for bit.
public final class TextService: Sendable {
  /// The sender and priority of a request.
  public struct Terms: Sendable {
    /// The key for fair sharing.
    public var key: String
    public var service: ServiceClass
    public var deadline: ContinuousClock.Instant?
    /// Is called with the tokens of the request before they are queued, and refuses it by throwing. If the request then
    /// fails, it is called with the negative number.
    public var charge: @Sendable (Int) throws -> Void

    public init(
      key: String = "", service: ServiceClass = .interactive, deadline: ContinuousClock.Instant? = nil,
      charge: @escaping @Sendable (Int) throws -> Void = { _ in }
    ) {
      self.key = key
      self.service = service
      self.deadline = deadline
      self.charge = charge
    }
  }

  /// How a text is truncated.
  public struct Reading: Sendable, Hashable {
    /// See `Predictor.maximumLength`.
    public var maximumLength: Int?
    /// Whether to truncate longer texts; if not, they are refused.
    public var truncates: Bool

    public init(maximumLength: Int? = nil, truncates: Bool = true) {
      self.maximumLength = maximumLength
      self.truncates = truncates
    }
  }

  /// The time spent on a request.
  public struct Timing: Sendable {
    public let tokenization, queued, computed: Duration
    public let tokens: Int
  }

  /// The answers to some texts, in order.
  public struct Answers: Sendable {
    public let predictions: [Prediction]
    /// The heads' logits, in the order of each prediction's answers.
    public let logits: [[HeadLogits]]
    public let timing: Timing
  }

  /// The vectors of some texts, in order.
  public struct Vectors: Sendable {
    /// One per text, or one per token.
    public let vectors: [[[Float]]]
    public let timing: Timing
  }

  /// The input of a vector.
  public enum Source: Sendable, Hashable {
    case text(String, pair: String? = nil)
    case ids([Int])
  }

  /// An answering head, with the name of its answer.
  public struct AnsweringHead: Sendable {
    public let name: String
    public let settings: HeadSettings
  }

  public let engine: Engine
  public let tokenizer: any Tokenizer
  /// The number of tokenizer threads.
  public let workerCount: Int
  /// How the base model makes vectors: as its folder of sentence-transformers says, or the mean over the tokens.
  public let embeddingOptions: EmbeddingOptions
  let embeddingLength: Int?
  private let names: ServedNames
  let model: DebertaV2AdapterModel
  private let heads: [String]?
  let workers: Workers

  /// Loads the base model, and measures it.
  ///
  /// - Parameters:
  ///   - workspace: the base model, the given adapters, and the registry.
  ///   - compute: the kernels and threads.
  ///   - limits: the engine's limits.
  ///   - workers: the number of threads for tokenization and loading.
  ///   - observer: the engine's observer.
  /// - Throws: the errors of loading; `EngineError.noThread`.
  public init(
    _ workspace: Workspace, compute: Compute = Compute(), limits: Engine.Limits = Engine.Limits(), workers: Int = 2,
    observer: @escaping @Sendable (EngineEvent) -> Void = { _ in }
  ) throws {
    model = try workspace.loadGiven(compute: compute)
    tokenizer = try workspace.loadTokenizer()
    names = try ServedNames(workspace, model: model)
    heads = workspace.heads
    let folder = try workspace.sentenceTransformer()
    embeddingOptions = EmbeddingOptions(pooling: folder?.pooling ?? .mean, normalize: folder?.normalize ?? false)
    embeddingLength = folder?.maximumLength
    engine = try Engine(model, maskID: tokenizer.maskID, source: names, limits: limits, observer: observer)
    workerCount = workers
    self.workers = Workers(count: workers)
  }

  // MARK: Names

  /// The name of the base model.
  public var base: String { names.base }

  /// The maximum number of tokens of a text, unless a caller or a head sets another.
  public var maximumLength: Int { InputLength.standard }

  /// The setup for a name or a composition's text; nil is the active one.
  ///
  /// - Throws: `ServiceError.unknown`; `CompositionError`; `RegistryError`.
  public func setup(_ name: String?) throws -> ServedSetup { try names.setup(name) }

  /// All served items, the base first.
  public func items() throws -> [ServedItem] { try names.items() }

  /// The heads that answer texts under a setup; loads its adapters.
  ///
  /// - Throws: `ServiceError`, `EngineError`.
  public func answeringHeads(_ setup: ServedSetup) async throws -> [AnsweringHead] {
    try await workers.run { [self] _ in
      let (model, _) = try leased([setup.composition], setup.name)
      let route = try Self.asService(setup) { try Route(setup.composition, heads: heads, in: model) }
      return route.questions.compactMap { question in
        model.head(question.head).map { AnsweringHead(name: question.label, settings: $0.settings) }
      }
    }
  }

  /// Loads an adapter from a folder and serves it until the process ends.
  ///
  /// - Throws: `ServiceError.isThere`, `ServiceError.broken`.
  public func loadAdapter(_ name: String, from folder: String, replacing: Bool) async throws {
    try await workers.run { [self] _ in
      // A composition could not tell another name from its own text.
      do { _ = try ItemName(name, for: .adapter) } catch { throw ServiceError.options(reason: "\(error)") }
      // An adapter that cannot be loaded is refused before its name is added; links are refused before they are read.
      do {
        _ = try FolderContents(of: folder)
        var trial = model
        try trial.loadAdapter(folder, as: name, overwrite: true)
      } catch { throw ServiceError.broken(setup: name, reason: "\(error)") }
      try names.add(name, folder: folder, replacing: replacing)
    }
  }

  /// Removes an adapter that was loaded with ``loadAdapter(_:from:replacing:)``.
  ///
  /// - Throws: `ServiceError.unknown`, `ServiceError.isThere`.
  public func unloadAdapter(_ name: String) async throws {
    try await workers.run { [self] _ in try names.remove(name) }
  }

  /// Frees the memory of a setup's adapters; those in use stay until their memory is needed.
  ///
  /// A later request loads them again.
  public func free(_ setup: ServedSetup) async {
    try? await workers.run { [engine] _ in
      let parts = (setup.composition?.adapters ?? []) + (setup.composition?.fusions.map(\.name) ?? [])
      for name in parts { _ = engine.unload(name) }
    }
  }

  func leased(
    _ compositions: [Composition?], _ name: String
  ) throws -> (DebertaV2AdapterModel, ResidentAdapters.Lease) {
    do {
      let lease = try engine.lease(compositions.compactMap { $0 })
      return (lease.model, lease)
    } catch let error as ServiceError {
      throw error
    } catch { throw ServiceError.broken(setup: name, reason: "\(error)") }
  }

  /// Converts routing errors to those of the service.
  private static func asService<Value>(_ setup: ServedSetup, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as PredictionError {
      throw ServiceError.wrongTask(reason: "\(error)")
    } catch let error as CompositionError {
      throw error
    } catch { throw ServiceError.options(reason: "\(error)") }
  }

  // MARK: Answers

  /// A tokenized text, ready to be computed.
  private struct Prepared: Sendable {
    let plan: AnswerPlan
    let predictor: Predictor
    let lease: ResidentAdapters.Lease
    let model: DebertaV2AdapterModel
    let duration: Duration
  }

  /// Answers texts with the heads of a setup.
  ///
  /// - Parameters:
  ///   - inputs: the texts; a text may name its own adapters.
  ///   - setup: the adapters for the others.
  ///   - wanted: the names of the requested answers; nil: all.
  ///   - options: how outputs become answers.
  ///   - reading: how texts are truncated.
  ///   - terms: the sender and priority.
  /// - Throws: `ServiceError`, `EngineError`, `CompositionError`, `CancellationError`.
  public func predict(
    _ inputs: [TextInput], with setup: ServedSetup, heads wanted: [String]? = nil,
    options: AnswerOptions = AnswerOptions(), reading: Reading = Reading(), terms: Terms = Terms()
  ) async throws -> Answers {
    let prepared = try await workers.run(until: terms.deadline) { [self] isWanted in
      try prepare(inputs, setup, wanted, options, reading, terms.deadline, isWanted)
    }
    let rows = prepared.plan.rows.map {
      EngineRow(
        ids: $0.encoding.ids, tokenTypes: $0.encoding.tokenTypeIDs, composition: $0.composition,
        heads: $0.heads.sorted())
    }
    let answers = try await submit(rows, prepared.lease, terms)
    return try await workers.run { [self] _ in
      let outputs = answers.rows.map(\.logits)
      let predictions = try prepared.plan.predictions(
        outputs, prepared.model, prepared.predictor.decoder, tokenizer
      ).map { outcome -> Prediction in
        switch outcome {
        case .success(let prediction): return prediction
        case .failure(let fault):
          if let head = Self.notFinite(outputs) { throw ServiceError.notFinite(what: "The head '\(head)'") }
          throw ServiceError.input(index: fault.index, reason: fault.reason)
        }
      }
      return Answers(
        predictions: predictions, logits: prepared.plan.logits(outputs),
        timing: Timing(
          tokenization: prepared.duration, queued: answers.queued, computed: answers.computed,
          tokens: rows.reduce(0) { $0 + $1.ids.count }))
    }
  }

  func submit(
    _ rows: [EngineRow], _ lease: ResidentAdapters.Lease, _ terms: Terms
  ) async throws -> EngineAnswers {
    let request = EngineRequest(rows, key: terms.key, service: terms.service, deadline: terms.deadline)
    let tokens = rows.reduce(0) { $0 + $1.ids.count }
    try terms.charge(tokens)
    var isAnswered = false
    defer { if !isAnswered { try? terms.charge(-tokens) } }
    do {
      let answers = try await engine.submit(request, lease)
      isAnswered = true
      return answers
    } catch let error as EngineError {
      throw error
    } catch let error as CompositionError {
      throw error
    } catch is CancellationError {
      throw CancellationError()
    } catch { throw ServiceError.failed(reason: "\(error)") }
  }

  private static func notFinite(_ outputs: [[String: Tensor]]) -> String? {
    for output in outputs { for (head, logits) in output where !logits.isFinite { return head } }
    return nil
  }

  private func prepare(
    _ inputs: [TextInput], _ setup: ServedSetup, _ wanted: [String]?, _ options: AnswerOptions, _ reading: Reading,
    _ deadline: ContinuousClock.Instant?, _ isWanted: Wanted
  ) throws -> Prepared {
    let start = ContinuousClock.now
    try checkLength(reading)
    for composition in Set(inputs.compactMap(\.setup)) { _ = try names.setup("\(composition)") }
    var (model, lease) = try leased([setup.composition] + inputs.map(\.setup), setup.name)
    do {
      try model.setActiveAdapters(setup.composition, skippingLayers: model.skippedLayers)
      model.activeHeads = heads
    } catch { throw ServiceError.wrongTask(reason: "\(error)") }
    var predictor = try Self.asService(setup) { try Predictor(model, tokenizer, options: options) }
    predictor.maximumLength = reading.maximumLength
    var routes: [Composition?: Route] = [:]
    var rows: [Int] = []
    var maskOutputs = 0
    let texts = try inputs.map { input in
      let index = input.index
      let composition = input.setup ?? setup.composition
      do {
        let route =
          try routes[composition]
          ?? Route(composition, heads: heads, in: model, options: options).answering(wanted)
        routes[composition] = route
        let left = try engine.tokens(until: deadline) - rows.reduce(0, +)
        predictor.bounds = TokenBounds(limit: max(0, left)) { try isWanted.check() }
        let text = try RoutedText(predictor.encode(input, as: route.inputs), route, predictor)
        rows += text.rowLengths
        try engine.check(rows, deadline)
        maskOutputs += try self.maskOutputs(of: text, options.masks, model)
        guard maskOutputs <= Limits.maskOutputs else {
          throw ServiceError.tooManyMasks(outputs: maskOutputs, limit: Limits.maskOutputs)
        }
        if !reading.truncates, let cut = text.cut {
          throw ServiceError.tooLong(index: index, tokens: cut.0, limit: cut.1)
        }
        return text
      } catch let error as ServiceError {
        throw error
      } catch let error as EngineError {
        throw error
      } catch is CancellationError {
        throw CancellationError()
      } catch let error as PredictionError {
        if case .noHead = error { throw ServiceError.wrongTask(reason: "\(error)") }
        throw ServiceError.input(index: index, reason: "\(error)")
      } catch { throw ServiceError.input(index: index, reason: "\(error)") }
    }
    return Prepared(
      plan: AnswerPlan(texts), predictor: predictor, lease: lease, model: model, duration: ContinuousClock.now - start)
  }

  /// Refuses to read texts further than the model can tell distances: what a row costs grows with the square of its
  /// length.
  func checkLength(_ reading: Reading) throws(ServiceError) {
    guard let length = reading.maximumLength, let most = model.configuration.advisedLength, length > most else {
      return
    }
    throw .options(
      reason: "Texts may be read up to \(length) tokens, but this model tells distances of at most \(most); expected "
        + "that or less, or 0 for it.")
  }

  /// The numbers that masked language models give for the masks of a text.
  ///
  /// - Throws: `ServiceError.answerTooLarge`, if the text, filled in with each piece that is wanted, is too large.
  private func maskOutputs(
    of text: RoutedText, _ options: MaskOptions, _ model: DebertaV2AdapterModel
  ) throws(ServiceError) -> Int {
    var outputs = 0
    for question in text.route.questions {
      guard let settings = model.head(question.head)?.settings, settings.kind == .maskedLM else { continue }
      let masks = text.reading(question.head).encodings.reduce(0) { $0 + $1.ids.count { $0 == tokenizer.maskID } }
      outputs += masks * settings.outputs
      let pieces = min(options.topK, options.targets?.count ?? settings.outputs, settings.outputs)
      let bytes = masks * pieces * (text.input.text.utf8.count + (text.input.pair?.utf8.count ?? 0))
      guard bytes <= Limits.answerBytes else { throw .answerTooLarge(limit: Limits.answerBytes) }
    }
    return outputs
  }

  // MARK: Other work

  /// Runs work on the threads that make answers, as reading requests and writing answers.
  ///
  /// - Parameter body: can stop once its result is no longer wanted.
  public func work<Value: Sendable>(_ body: @escaping @Sendable (Wanted) throws -> Value) async throws -> Value {
    try await workers.run(body)
  }
}
