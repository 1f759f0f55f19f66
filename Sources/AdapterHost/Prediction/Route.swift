internal import AdapterMethods
internal import Heads
internal import Tokenization

/// The way of a text through a model: the compositions that act on copies of it, and the heads that answer each copy.
struct Route: Sendable {
  /// An answer to be given.
  struct Question: Hashable, Sendable {
    /// What the answer is called: the head's name, or `a#2` for the second answer of a head.
    let label: String
    let head: String
    /// Which copy of the text the head reads.
    let branch: Int
  }

  /// What acts on each copy; nil is the base model.
  let branches: [Composition?]
  /// In the order of the answers. A branch without one is not computed.
  let questions: [Question]
  /// What each head reads of a text.
  private let headInputs: [String: HeadInput]

  /// - Parameters:
  ///   - composition: the adapters that act; nil is the base model.
  ///   - requested: the heads that answer; nil: those that follow the adapters.
  ///   - model: what has both.
  /// - Throws: `PredictionError`, `CompositionError`, `ModelError`.
  init(_ composition: Composition?, heads requested: [String]?, in model: DebertaV2AdapterModel) throws {
    for name in composition?.adapters ?? [] where model.adapter(name) == nil { throw model.unknown(adapter: name) }
    branches = try composition?.branches().map(Optional.some) ?? [nil]
    questions = try model.bound.answering(requested, branches.map { [$0] }).flatMap { answering in
      answering.rows.map { Question(label: answering.label, head: answering.head, branch: $0) }
    }
    guard !questions.isEmpty else {
      throw PredictionError.noHead(
        setup: composition?.description, heads: model.headNames, unread: model.unreadHeadTensors)
    }
    var inputs: [String: HeadInput] = [:]
    for name in questions.map(\.head) {
      inputs[name] = model.head(name).map {
        HeadInput(form: TextForm($0.settings.kind), recordedLength: $0.maximumLength)
      }
    }
    headInputs = inputs
  }

  private init(_ branches: [Composition?], _ questions: [Question], _ headInputs: [String: HeadInput]) {
    self.branches = branches
    self.questions = questions
    self.headInputs = headInputs
  }

  /// What a head reads of a text.
  func input(_ head: String) -> HeadInput { headInputs[head] ?? HeadInput(form: .text) }

  /// What the heads of a branch read of a text.
  func inputs(branch: Int) -> Set<HeadInput> {
    Set(questions.filter { $0.branch == branch }.map { input($0.head) })
  }

  /// What all heads read of a text.
  var inputs: Set<HeadInput> { Set(questions.map { input($0.head) }) }

  private func form(_ question: Question) -> TextForm { input(question.head).form }

  /// The way of a text that may lack what some heads read.
  ///
  /// - Parameter input: the text.
  /// - Returns: the way to the other heads, and for each head that is left out what it lacks.
  /// - Throws: `PredictionError` if no head is left, if there are choices that cannot be read for a head that
  ///   chooses, or if nothing but choosing heads would get a pair.
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
    if input.pair != nil, let question = answered.first, answered.allSatisfy({ form($0) == .choices }) {
      throw .pairBesideChoices(head: question.head)
    }
    return (Route(branches, answered, headInputs), lacks)
  }
}

/// Why texts cannot be answered.
public enum PredictionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// `unread` are tensors of the checkpoint's own head, which make up none that is known.
  case noHead(setup: String?, heads: [String], unread: [String])
  case noContext(head: String)
  case noChoices(head: String)
  /// The reason is a sentence.
  case wrongChoices(head: String, reason: String)
  case pairBesideChoices(head: String)
  case tooLong(tokens: Int, limit: Int)
  case notFinite(head: String)

  public var description: String {
    switch self {
    case .noHead(let setup, let heads, let unread) where setup == nil && heads.isEmpty && !unread.isEmpty:
      "No head answers: no adapter is active, and the head in the checkpoint is not one that is known. Its tensors "
        + "\(unread.prefix(4).joined(separator: ", ")) fit no class of DeBERTa-v2, and 'architectures' in config.json "
        + "names none. Name an adapter that has a head with --setup or --adapter, or activate one."
    case .noHead(let setup, let heads, _):
      (setup.map { "No head answers: the last adapter of '\($0)' has none." }
        ?? "No head answers: no adapter is active, and the base model has no head of its own.")
        + (heads.isEmpty
          ? " Name an adapter that has a head with --setup or --adapter, or activate one."
          : " Name heads with --active-heads; there are \(heads.joined(separator: ", ")).")
    case .noContext(let head):
      "The head '\(head)' answers questions from a context; give it as the pair, in a line of --input or of standard "
        + #"input: {"text": "the question", "pair": "the context"}."#
    case .noChoices(let head):
      "The head '\(head)' chooses among texts; give them beside the question, in a line of --input or of standard "
        + #"input: {"text": "the question", "choices": ["one", "another"]}."#
    case .wrongChoices(let head, let reason): "The head '\(head)' chooses among texts: \(reason)"
    case .pairBesideChoices(let head):
      "The head '\(head)' reads the text with each of its choices, as it was trained, and not the pair; leave the pair "
        + "out, or make it a part of the text."
    case .tooLong(let tokens, let limit):
      "The text has \(tokens) tokens, but this model has positions for \(limit); cut it with --max-length \(limit)."
    case .notFinite(let head):
      "The head '\(head)' gave numbers that are not finite (NaN or infinite), so there is no answer. 'adapter-cli "
        + "inspect' finds weights that are not finite; if there are none, the text overflows the model."
    }
  }
}
