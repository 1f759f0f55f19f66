internal import AdapterMethods
internal import Heads
internal import Tokenization

/// The way of a text through a model: the compositions that act on copies of it, and the heads that answer each copy.
struct Route: Sendable {
  struct Branch: Sendable {
    /// Nil is the base model.
    let composition: Composition?
    let heads: [String]
  }

  /// Those with heads; a branch that no head answers is not computed.
  let branches: [Branch]
  /// How each head reads a text.
  private let headForms: [String: TextForm]

  /// - Parameters:
  ///   - composition: the adapters that act; nil is the base model.
  ///   - asked: the heads that answer; nil: those named like the adapters.
  ///   - model: what has both.
  /// - Throws: `PredictionError`, `CompositionError`, `ModelError`.
  init(_ composition: Composition?, heads asked: [String]?, in model: DebertaV2AdapterModel) throws {
    branches = try Self.branches(composition, heads: asked, in: model).filter { !$0.heads.isEmpty }
    guard !branches.isEmpty else {
      throw PredictionError.noHead(
        setup: composition?.description, heads: model.headNames, unread: model.unreadHeadTensors)
    }
    var forms: [String: TextForm] = [:]
    for name in branches.flatMap(\.heads) { forms[name] = model.head(name).map { TextForm($0.settings.kind) } }
    headForms = forms
  }

  private init(_ branches: [Branch], _ headForms: [String: TextForm]) {
    self.branches = branches
    self.headForms = headForms
  }

  /// How a head reads a text.
  func form(_ head: String) -> TextForm { headForms[head] ?? .text }

  /// The forms in which some heads read a text.
  func forms(_ heads: [String]) -> Set<TextForm> { Set(heads.map(form)) }

  /// The forms in which all heads read a text.
  var forms: Set<TextForm> { forms(branches.flatMap(\.heads)) }

  /// The way of a text that may lack what some heads read.
  ///
  /// - Parameter input: the text.
  /// - Returns: the way to the other heads, and for each head that is left out what it lacks.
  /// - Throws: `PredictionError` if no head is left, if there are choices that cannot be read for a head that
  ///   chooses, or if nothing but choosing heads would get a pair.
  func part(for input: TextInput) throws(PredictionError) -> (route: Route, lacks: [PredictionError]) {
    let heads = branches.flatMap(\.heads)
    if let reason = input.choicesFault, let head = heads.first(where: { form($0) == .choices }) {
      throw .wrongChoices(head: head, reason: reason)
    }
    func isAnswered(_ head: String) -> Bool { form(head).isThere(in: input) }
    let lacks = heads.filter { !isAnswered($0) }.map { head in
      form(head) == .question ? PredictionError.noContext(head: head) : .noChoices(head: head)
    }
    let answered = heads.filter(isAnswered)
    if answered.isEmpty, let first = lacks.first { throw first }
    if input.pair != nil, let head = answered.first, forms(answered) == [.choices] {
      throw .pairBesideChoices(head: head)
    }
    guard !lacks.isEmpty else { return (self, []) }
    let rest = branches.map { Branch(composition: $0.composition, heads: $0.heads.filter(isAnswered)) }
    return (Route(rest.filter { !$0.heads.isEmpty }, headForms), lacks)
  }

  /// All branches with their heads, of whatever kind; some may have none.
  ///
  /// - Throws: `CompositionError`, `ModelError`.
  static func branches(
    _ composition: Composition?, heads asked: [String]?, in model: DebertaV2AdapterModel
  ) throws -> [Branch] {
    for name in composition?.adapters ?? [] where model.adapter(name) == nil { throw model.unknown(adapter: name) }
    for name in asked ?? [] where model.head(name) == nil { throw model.unknown(head: name) }
    let compositions = try composition?.branches()
    let heads = try Self.heads(compositions, asked, in: model)
    return zip(compositions.map { $0.map(Optional.some) } ?? [nil], heads).map {
      Branch(composition: $0, heads: $1)
    }
  }

  /// The heads of each branch.
  ///
  /// Without names a branch has the heads named like its adapters. A head
  /// whose adapter several branches share answers none of them that has a
  /// head of its own, and else the first one. With a name for each branch the
  /// j-th head answers the j-th branch; fewer or more heads answer the
  /// branches of their own adapters.
  private static func heads(
    _ branches: [Composition]?, _ asked: [String]?, in model: DebertaV2AdapterModel
  ) throws -> [[String]] {
    guard let branches else { return [asked ?? (model.head("default") == nil ? [] : ["default"])] }
    if let asked {
      if branches.count == 1 { return [asked] }
      if asked.count == branches.count { return asked.map { [$0] } }
    }
    let named = branches.map { $0.adapters.filter { model.head($0) != nil } }
    var taken: Set<String> = []
    let own = named.enumerated().map { index, names in
      let own = names.filter { name in !named.enumerated().contains { $0 != index && $1.contains(name) } }
      let chosen = own.isEmpty ? names.filter { !taken.contains($0) } : own
      taken.formUnion(chosen)
      return chosen
    }
    guard let asked else { return own }
    guard taken.isSuperset(of: asked) else {
      throw ModelError.headsOfParallel(heads: asked, repetitions: branches.count)
    }
    return own.map { $0.filter(asked.contains) }
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

  public var description: String {
    switch self {
    case .noHead(let setup, let heads, let unread) where setup == nil && heads.isEmpty && !unread.isEmpty:
      "No head answers: no adapter is active, and the head in the checkpoint is not one that is known. Its tensors "
        + "\(unread.prefix(4).joined(separator: ", ")) fit no class of DeBERTa-v2, and 'architectures' in config.json "
        + "names none. Name an adapter that has a head with --setup or --adapter, or activate one."
    case .noHead(let setup, let heads, _):
      (setup.map { "No head answers: no adapter in '\($0)' has one." }
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
    }
  }
}
