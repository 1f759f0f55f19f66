internal import AdapterMethods
internal import Heads
internal import Tasks
internal import Tokenization

/// A text's route through a model: the compositions applied to its copies, and the heads that answer each copy.
struct Route: Sendable {
  /// An answer to be given.
  struct Question: Hashable, Sendable {
    /// The answer's label: the head's name, or `a#2` for the second answer of a head.
    let label: String
    let head: String
    /// The index of the copy that the head reads.
    let branch: Int
  }

  /// The composition for each copy; nil is the base model.
  let branches: [Composition?]
  /// In the order of the answers. A branch without a question is not computed.
  let questions: [Question]
  /// The input of each head.
  private let headInputs: [String: HeadInput]

  /// - Parameters:
  ///   - composition: the adapters to apply; nil is the base model.
  ///   - requested: the heads that answer; nil: those that follow the adapters.
  ///   - model: the model with the adapters and heads.
  ///   - options: how heads answer.
  /// - Throws: `PredictionError`, `CompositionError`, `ModelError`.
  init(
    _ composition: Composition?, heads requested: [String]?, in model: DebertaV2AdapterModel,
    options: AnswerOptions = AnswerOptions()
  ) throws {
    for name in composition?.adapters ?? [] where model.adapter(name) == nil { throw model.unknown(adapter: name) }
    branches = try composition?.branches().map(Optional.some) ?? [nil]
    questions = try model.bound.answering(requested, branches.map { [$0] }).flatMap { answering in
      answering.rows.map { Question(label: answering.label, head: answering.head, branch: $0) }
    }
    guard !questions.isEmpty else {
      throw PredictionError.noHead(
        setup: composition?.description, setups: model.answeringSetups, heads: model.headNames,
        unread: model.unreadHeadTensors)
    }
    var inputs: [String: HeadInput] = [:]
    for name in questions.map(\.head) {
      inputs[name] = model.head(name).map {
        HeadInput(form: TextForm($0.settings, options), recordedLength: $0.maximumLength)
      }
    }
    headInputs = inputs
  }

  private init(_ branches: [Composition?], _ questions: [Question], _ headInputs: [String: HeadInput]) {
    self.branches = branches
    self.questions = questions
    self.headInputs = headInputs
  }

  /// The route restricted to some of its answers.
  ///
  /// - Parameter wanted: their names, in the order of the answers; nil: all.
  /// - Throws: `ServiceError.unknownHead`; `ServiceError.options` for a name that is there twice.
  func answering(_ wanted: [String]?) throws -> Route {
    guard let wanted else { return self }
    var known: Set<String> = []
    for name in wanted where !known.insert(name).inserted {
      throw ServiceError.options(reason: "The head '\(name)' is named twice; each answers once.")
    }
    let chosen = try wanted.map { name in
      guard let question = questions.first(where: { $0.label == name }) else {
        throw ServiceError.unknownHead(name: name, heads: questions.map(\.label))
      }
      return question
    }
    return Route(branches, chosen, headInputs)
  }

  /// The input of a head.
  func input(_ head: String) -> HeadInput { headInputs[head] ?? HeadInput(form: .text) }

  /// The inputs of a branch's heads.
  func inputs(branch: Int) -> Set<HeadInput> {
    Set(questions.filter { $0.branch == branch }.map { input($0.head) })
  }

  /// The inputs of all heads.
  var inputs: Set<HeadInput> { Set(questions.map { input($0.head) }) }

  private func form(_ question: Question) -> TextForm { input(question.head).form }

  /// The route of a text that may not have the inputs of some heads.
  ///
  /// - Parameter input: the text.
  /// - Returns: the route to the other heads, and what the text is missing for each omitted head.
  /// - Throws: `PredictionError`, if no head is left, if the choices for a multiple choice head are invalid, or if only
  ///   multiple choice heads would get a pair.
  func part(for input: TextInput) throws(PredictionError) -> (route: Route, lacks: [PredictionError]) {
    if let reason = input.choicesFault, let question = questions.first(where: { form($0) == .choices }) {
      throw .wrongChoices(head: question.head, reason: reason)
    }
    var (answered, lacks): ([Question], [PredictionError]) = ([], [])
    for question in questions {
      let form = form(question)
      if form.isThere(in: input) {
        answered.append(question)
      } else {
        lacks.append(form == .question ? .noContext(head: question.head) : .noChoices(head: question.head))
      }
    }
    if answered.isEmpty, let first = lacks.first { throw first }
    if !input.contexts.isEmpty, let question = answered.first, !answered.contains(where: { form($0) == .question }) {
      throw .contextsUnread(head: question.head)
    }
    if input.pair != nil, let question = answered.first, answered.allSatisfy({ form($0) == .choices }) {
      throw .pairBesideChoices(head: question.head)
    }
    return (Route(branches, answered, headInputs), lacks)
  }
}

/// Why texts cannot be answered.
public enum PredictionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `setups` are the loaded adapters and fusions that a head follows; `unread` are tensors of the checkpoint's head
  /// that do not form a supported one.
  case noHead(setup: String?, setups: [String], heads: [String], unread: [String])
  case noContext(head: String)
  /// A question, or a context, without a word.
  case emptyPart(String)
  case noChoices(head: String)
  /// The reason is a sentence.
  case wrongChoices(head: String, reason: String)
  case pairBesideChoices(head: String)
  /// There are contexts, but no head answers questions.
  case contextsUnread(head: String)
  /// A text has masks beyond the tokens that are read.
  case lostMasks(found: Int, read: Int, limit: Int)
  /// No head has an entailment label.
  case noEntailment(head: String, labels: [String])
  /// A label to be ignored belongs to no head.
  case unknownIgnoredLabel(String, head: String, known: [String], nearest: [String])
  case tooLong(tokens: Int, limit: Int)
  /// What heads read of a text, its contexts, choices and candidate labels counted, has so many tokens or more.
  case tooManyTokens(Int, limit: Int)
  case notFinite(head: String)

  public var description: String {
    switch self {
    case .noHead(let setup, _, let heads, let unread) where setup == nil && heads.isEmpty && !unread.isEmpty:
      "No head answers: no adapter is active, and the head in the checkpoint is not one that is known. Its tensors "
        + "\(unread.prefix(4).joined(separator: ", ")) fit no class of DeBERTa-v2, and 'architectures' in config.json "
        + "names none. Name an adapter that has a head with --setup or --adapter, or activate one."
    case .noHead(let setup, let setups, let heads, _):
      (setup.map { "No head answers: the last adapter of '\($0)' has none." }
        ?? "No head answers: no adapter is active, and the base model has no head of its own.")
        + (heads.isEmpty
          ? " Name an adapter that has a head with --setup or --adapter, or activate one."
          : (setups.isEmpty ? "" : " Choose what acts with --setup: \(Self.listed(setups.map { "\"\($0)\"" })).")
            + " Name heads with --active-heads: \(Self.listed(heads)).")
    case .noContext(let head):
      "The head '\(head)' answers questions from a context. Give both, in a line of the input or in a request: "
        + #"{"question": "...", "context": "..."}."#
    case .emptyPart(let part): "The \(part) is empty, so there is nothing to answer."
    case .noChoices(let head):
      "The head '\(head)' chooses among texts. Give them with the question, in a line of the input or in a request: "
        + #"{"question": "...", "choices": ["one", "another"]}."#
    case .wrongChoices(let head, let reason): "The head '\(head)' chooses among texts: \(reason)"
    case .pairBesideChoices(let head):
      "The head '\(head)' reads the text with each of its choices, as it was trained, and not the pair; leave the pair "
        + "out, or make it a part of the text."
    case .contextsUnread(let head):
      "There are contexts, which only heads that answer questions read; '\(head)' does not. Leave them out, or name "
        + "such a head with --setup or --active-heads."
    case .lostMasks(let found, let read, let limit):
      (found == 1
        ? "The text has a mask, and it is not"
        : "The text has \(found) masks, and only \(read) of them \(read == 1 ? "is" : "are")")
        + " among the \(limit) tokens that are read; shorten the text, or raise the maximum length (--max-length)."
    case .noEntailment(let head, let labels):
      "Zero-shot classification needs a head for natural language inference, with a label that begins with 'entail'; "
        + "the labels of '\(head)' are \(labels.prefix(8).map { "'\($0)'" }.joined(separator: ", "))"
        + "\(labels.count > 8 ? ", …" : ""). "
        + (labels.allSatisfy { $0.hasPrefix("LABEL_") }
          ? "If they stand for others, name these with --labels."
          : "If they stand for others, change id2label in config.json.")
    case .unknownIgnoredLabel(let name, let head, let known, let nearest):
      "'\(name)' is to be ignored, but the head '\(head)' has no such label here"
        + (nearest.isEmpty
          ? "; there are \(known.prefix(12).joined(separator: ", "))."
          : "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?")
    case .tooLong(let tokens, let limit):
      "The text has \(tokens) tokens, but this model has positions for \(limit); cut it with --max-length \(limit)."
    case .tooManyTokens(let tokens, let limit):
      "The text is read in \(tokens) tokens or more, counted once for each window, context, choice and candidate label; "
        + "at most \(limit) are computed. Send fewer of these, or a shorter text."
    case .notFinite(let head):
      "The head '\(head)' gave numbers that are not finite (NaN or infinite), so there is no answer. 'adapter-cli "
        + "inspect' finds weights that are not finite; if there are none, the text overflows the model."
    }
  }

  private static func listed(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
  }
}

extension DebertaV2AdapterModel {
  /// The setups of a single adapter or fusion that a head follows.
  fileprivate var answeringSetups: [String] {
    let fusions = fusionNames.filter { head(following: $0) != nil }.map { name in
      "Fuse(\(name.split(separator: ",").joined(separator: ", ")))"
    }
    return adapterNames.filter { head(following: $0) != nil } + fusions
  }
}
