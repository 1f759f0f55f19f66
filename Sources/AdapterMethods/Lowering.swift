public import Checkpoints
public import Deberta
internal import Files
internal import Synchronization
public import Tensors

/// The adapters to apply to the rows of a batch.
public enum Setup: Sendable, Hashable {
  /// One composition for all rows; nil is the base model.
  case composition(Composition?)
  /// A composition for each row, in any order and of any methods.
  case rows([Composition?])

  /// Whether the setup uses an adapter.
  public func names(_ adapter: String) -> Bool {
    switch self {
    case .composition(let composition): composition?.names(adapter) ?? false
    case .rows(let rows): rows.contains { $0?.names(adapter) ?? false }
    }
  }
}

/// A setup lowered for a number of rows.
public struct LoweredSetup: Sendable {
  public let plan: AdapterPlan
  /// The composition of each row, for each repetition made by Parallel; nil is the base model.
  public let repetitions: [[Composition?]]
  /// Compositions with a Split, whose sizes must match the lengths of their rows.
  fileprivate let splits: [(composition: Composition, promptLength: Int, rows: [Int])]
}

/// Lowers setups to plans for one encoder, and caches them.
///
/// First the blocks that select rows are resolved: every row of the pass gets a composition without them. Rows with
/// equal compositions form a group, and each group's composition becomes one set of hooks.
///
/// What was lowered on a tape belongs to its pass, and so does the `Lowering`.
public final class Lowering: Sendable {
  public let encoder: Encoder
  /// The available adapters by name.
  public let adapters: [String: BoundAdapter]
  /// The fusions, keyed by their adapters' names, joined with commas.
  public let fusions: [String: BoundFusion]
  private let known = Mutex(Known())

  /// The caches, limited in size.
  private struct Known: Sendable {
    static let limit = 256
    var hooks: [Composition?: BoundHooks] = [:]
    var setups: [SetupOfRows: LoweredSetup] = [:]
  }

  private struct SetupOfRows: Hashable {
    let setup: Setup
    let rows: Int
  }

  /// - Parameters:
  ///   - encoder: the encoder of the plans.
  ///   - adapters: the available adapters by name.
  ///   - fusions: keyed by their adapters' names, joined with commas.
  public init(_ encoder: Encoder, adapters: [String: BoundAdapter], fusions: [String: BoundFusion] = [:]) {
    self.encoder = encoder
    self.adapters = adapters
    self.fusions = fusions
  }

  /// The plan of a setup; cached by setup and number of rows.
  ///
  /// Parallel repeats the rows, child by child. Rows with separate compositions can be in any order.
  /// - Parameters:
  ///   - setup: the adapters for the rows.
  ///   - lengths: each row's number of tokens; Split is checked against them.
  ///   - pass: computes the hooks of blocks.
  /// - Throws: `CompositionError`, naming what is wrong.
  public func callAsFunction(
    _ setup: Setup, lengths: [Int], on pass: Pass
  ) throws(CompositionError) -> LoweredSetup {
    let key = SetupOfRows(setup: setup, rows: lengths.count)
    let lowered: LoweredSetup
    if let seen = known.withLock({ $0.setups[key] }) {
      lowered = seen
    } else {
      lowered = try lower(setup, rows: lengths.count, on: pass)
      known.withLock {
        if $0.setups.count >= Known.limit { $0.setups = [:] }
        $0.setups[key] = lowered
      }
    }
    for split in lowered.splits {
      let longest = split.rows.reduce(0) { max($0, lengths[$1]) }
      try split.composition.checkSplits(tokens: longest + split.promptLength)
    }
    return lowered
  }

  private func lower(_ setup: Setup, rows: Int, on pass: Pass) throws(CompositionError) -> LoweredSetup {
    switch setup {
    case .composition(let composition?):
      try check(composition)
      let repetitions = try composition.repetitions(rows: rows)
      return try lower(repetitions, sources: repetitions.flatMap { _ in Array(0..<rows) }, on: pass)
    case .composition(nil):
      return try lower([Array(repeating: nil, count: rows)], sources: Array(0..<rows), on: pass)
    case .rows(let compositions):
      guard compositions.count == rows else { throw .rows(expected: compositions.count, found: rows) }
      for case let composition? in compositions {
        try check(composition)
        guard try composition.repetitions(rows: 1).count == 1 else {
          throw .unsupported(block: "Parallel", what: "one row of a batch, because it makes several of it")
        }
      }
      return try lower([compositions], sources: Array(compositions.indices), on: pass)
    }
  }

  /// Checks a composition, and that its adapters exist.
  private func check(_ composition: Composition) throws(CompositionError) {
    try composition.validate()
    for name in composition.adapters where adapters[name] == nil {
      throw .unknownAdapter(name: name, nearest: NearestNames.of(name, in: adapters.keys.sorted(), limit: 2))
    }
  }

  private func lower(
    _ repetitions: [[Composition?]], sources: [Int], on pass: Pass
  ) throws(CompositionError) -> LoweredSetup {
    let rows = repetitions.flatMap { $0 }
    var distinct: [Composition?] = []
    var members: [Composition?: [Int]] = [:]
    for (row, composition) in rows.enumerated() {
      if members[composition] == nil { distinct.append(composition) }
      members[composition, default: []].append(row)
    }
    // A plan without rows has a group, too.
    if distinct.isEmpty { distinct = [nil] }
    var groups: [AdapterPlan.Group] = []
    var splits: [(composition: Composition, promptLength: Int, rows: [Int])] = []
    var passRows: [Int] = []
    for composition in distinct {
      let own = members[composition] ?? []
      let hooks = try bound(composition, on: pass)
      if let composition, composition.splitsTokens {
        splits.append((composition, hooks.hooks.promptLength, own.map { sources[$0] }))
      }
      groups.append(AdapterPlan.Group(rows: passRows.count..<passRows.count + own.count, hooks: hooks))
      passRows += own
    }
    var order = Array(repeating: 0, count: rows.count)
    for (position, row) in passRows.enumerated() { order[row] = position }
    return LoweredSetup(
      plan: AdapterPlan(sources: passRows.map { sources[$0] }, groups: groups, order: order),
      repetitions: repetitions, splits: splits)
  }

  // MARK: Hooks

  private func bound(_ composition: Composition?, on pass: Pass) throws(CompositionError) -> BoundHooks {
    if case .adapter(let name)? = composition, let adapter = adapters[name] { return adapter.bound }
    if let seen = known.withLock({ $0.hooks[composition] }) { return seen }
    let hooks =
      if let composition { try hooks(composition, on: pass) } else {
        EncoderHooks(layers: encoder.configuration.layerCount)
      }
    let bound = encoder.bind(hooks, on: pass)
    known.withLock {
      if $0.hooks.count >= Known.limit { $0.hooks = [:] }
      $0.hooks[composition] = bound
    }
    return bound
  }

  /// The hooks of a composition without blocks that select rows.
  private func hooks(_ composition: Composition, on pass: Pass) throws(CompositionError) -> EncoderHooks {
    if case .adapter(let name) = composition {
      guard let adapter = adapters[name] else { throw .unknownAdapter(name: name, nearest: []) }
      return adapter.bound.hooks
    }
    var parts: [EncoderHooks] = []
    for child in composition.children { parts.append(try hooks(child, on: pass)) }
    let combine = Combination(composition, parts: parts.count)
    var result = EncoderHooks(layers: encoder.configuration.layerCount)
    result.afterEmbeddings = try combine.edits(parts.map(\.afterEmbeddings))
    result.prompt = try combine.prompts(parts.map(\.prompt))
    for place in EncoderLayout(encoder.configuration).places {
      switch place.kind(in: encoder.configuration) {
      case .linear(let inputs, let outputs, _)?:
        result[linear: place] = try combine.projections(
          parts.map { $0[linear: place] }, at: place.nameInLayer(encoder.configuration.family), inputs: inputs,
          outputs: outputs, on: pass)
      case .convolution(let outputs, _, _)?:
        result[linear: place] = try combine.projections(
          parts.map { $0[linear: place] }, at: place.nameInLayer(encoder.configuration.family), inputs: outputs,
          outputs: outputs, on: pass)
      case .table?: result[table: place] = try combine.tables(parts.map { $0[table: place] })
      case .norm?:
        let norms = parts.map { $0[norm: place] }
        guard norms.contains(where: { $0 != nil }), case .norm(let base)? = encoder.module(place) else { continue }
        result[norm: place] = try combine.norms(norms, base: base, on: pass)
      case .vector?, nil: continue
      }
    }
    for name in Set(parts.flatMap(\.heads.keys)) {
      result.heads[name] = try combine.heads(parts.map { $0.heads[name] })
    }
    for layer in result.layers.indices {
      result.layers[layer].afterAttention = try combine.joins(
        parts.map { $0.layers[layer].afterAttention }, fusion: try fusion(composition), layer, .attention)
      result.layers[layer].afterFeedForward = try combine.joins(
        parts.map { $0.layers[layer].afterFeedForward }, fusion: try fusion(composition), layer, .output)
      result.layers[layer].afterLayer = try combine.edits(parts.map { $0.layers[layer].afterLayer })
      result.layers[layer].memory = try combine.memories(parts.map { $0.layers[layer].memory })
    }
    return result
  }

  /// The fusion that a Fuse names by its children; nil for other blocks.
  private func fusion(_ composition: Composition) throws(CompositionError) -> BoundFusion? {
    guard let name = composition.fusion?.name else { return nil }
    guard let fusion = fusions[name] else {
      throw .unknownFusion(name: name, nearest: fusions.keys.sorted())
    }
    return fusion
  }
}

/// An adapter's hooks, bound to an encoder once for all plans.
public struct BoundAdapter: Sendable {
  let bound: BoundHooks

  /// The number of lowest layers without hooks; 0 if the adapter changes the embeddings.
  public var unhookedLayers: Int { bound.hooks.unhookedLayers }

  /// The hooks on linear layers of heads, by transformers' names for them.
  public var headHooks: [String: any HeadHook] { bound.hooks.heads }

  /// Whether the adapter has hooks in a layer, not only on the embeddings.
  public var actsInLayers: Bool { bound.hooks.actsInLayers }

  /// - Parameters:
  ///   - skipped: the layers in which the adapter is not applied.
  ///   - pass: the kernels, threads, tape and trace.
  ///   - adapter: the adapter to bind.
  ///   - encoder: the encoder to adapt.
  ///   - name: the adapter's name.
  /// - Throws: the errors of the method's `hooks`.
  public init(
    _ adapter: Adapter, named name: String, in encoder: Encoder, skippingLayers skipped: Set<Int> = [], on pass: Pass
  ) throws(ConfigurationError) {
    var hooks = try adapter.method.hooks(adapter.parameters, named: name, in: encoder, on: pass)
    for layer in hooks.layers.indices where skipped.contains(layer) { hooks.layers[layer] = LayerHooks() }
    bound = encoder.bind(hooks, on: pass)
  }
}

extension Composition {
  /// Whether the composition uses an adapter.
  fileprivate func names(_ adapter: String) -> Bool {
    if case .adapter(let name) = self { return name == adapter }
    return children.contains { $0.names(adapter) }
  }

  /// Whether it contains a Split, whose sizes must match the rows.
  fileprivate var splitsTokens: Bool {
    if case .split = self { return true }
    return children.contains(where: \.splitsTokens)
  }
}

extension EncoderPlace {
  /// The name of a linear layer within its layer; for others the full name.
  fileprivate func nameInLayer(_ family: ModelFamily) -> String {
    if case .projection(let projection, _) = self { projection.path } else { path(in: family) }
  }
}
