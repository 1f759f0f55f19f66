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
  /// The heads that read the text with each of its choices.
  private let choosing: Set<String>
  /// A head that looks for answers in the pair, if there is one.
  private let questioned: String?

  /// - Parameter heads: the heads that answer; nil: those named like the adapters.
  /// - Throws: `PredictionError`, `CompositionError`, `ModelError`.
  init(_ composition: Composition?, heads asked: [String]?, in model: DebertaV2AdapterModel) throws {
    branches = try Self.branches(composition, heads: asked, in: model).filter { !$0.heads.isEmpty }
    guard !branches.isEmpty else {
      throw PredictionError.noHead(setup: composition?.description, heads: model.headNames)
    }
    let heads = branches.flatMap(\.heads)
    func are(_ kind: HeadKind) -> [String] { heads.filter { model.head($0)?.settings.kind == kind } }
    choosing = Set(are(.multipleChoice))
    questioned = are(.questionAnswering).first
  }

  /// All that its heads read of a text: the text with its pair, or with each of its choices, or both.
  func sequences(of text: TokenizedText) -> [Encoding] {
    let readsPair = branches.contains { !choosing.isSuperset(of: $0.heads) }
    return (readsPair ? [text.encoding] : []) + (choosing.isEmpty ? [] : text.choices)
  }

  /// Whether a head chooses among the choices of a text.
  func chooses(_ head: String) -> Bool { choosing.contains(head) }

  /// - Throws: `PredictionError` for a text that lacks what a head is asked about.
  func check(_ input: TextInput) throws(PredictionError) {
    if let questioned, input.pair == nil { throw .noContext(head: questioned) }
    if input.choices.isEmpty, let head = branches.flatMap(\.heads).first(where: chooses) {
      throw .noChoices(head: head)
    }
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
  case noHead(setup: String?, heads: [String])
  case noContext(head: String)
  case noChoices(head: String)
  case tooLong(tokens: Int, limit: Int)

  public var description: String {
    switch self {
    case .noHead(let setup, let heads):
      (setup.map { "No head answers: no adapter in '\($0)' has one." }
        ?? "No head answers: no adapter is active, and the base model has no head of its own.")
        + (heads.isEmpty
          ? " Name an adapter that has a head with --setup or --adapter, or activate one."
          : " Name heads with --active-heads; there are \(heads.joined(separator: ", ")).")
    case .noContext(let head):
      "The head '\(head)' answers questions from a context; give it as the pair: "
        + #"{"text": "the question", "pair": "the context"}."#
    case .noChoices(let head):
      "The head '\(head)' chooses among texts; give them beside the question: "
        + #"{"text": "the question", "choices": ["one", "another"]}."#
    case .tooLong(let tokens, let limit):
      "The text has \(tokens) tokens, but this model has positions for \(limit); cut it with --max-length \(limit)."
    }
  }
}
