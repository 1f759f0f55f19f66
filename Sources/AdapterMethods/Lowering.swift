public import Checkpoints
public import Deberta
internal import Files
public import Tensors

/// Turns compositions into plans for one encoder.
///
/// First the blocks that choose rows are resolved: every row of the pass gets
/// a composition of its own, without them. Rows of equal compositions become
/// a group, and each group's composition becomes one set of hooks.
public struct Lowering {
  private let encoder: Encoder
  /// What can be named.
  public let adapters: [String: BoundAdapter]
  private let fusions: [String: BoundFusion]
  private let pass: Pass

  /// - Parameters:
  ///   - encoder: what the plans are for.
  ///   - adapters: what can be named.
  ///   - fusions: by their adapters' names, with commas between them.
  ///   - pass: what the hooks of blocks are computed with.
  public init(
    _ encoder: Encoder, adapters: [String: BoundAdapter], fusions: [String: BoundFusion] = [:], on pass: Pass
  ) {
    self.encoder = encoder
    self.adapters = adapters
    self.fusions = fusions
    self.pass = pass
  }

  /// The plan for `rows` rows of input under one composition; nil is the base model.
  ///
  /// Parallel repeats the rows, child by child.
  /// - Parameters:
  ///   - composition: what acts on all rows.
  ///   - rows: how many there are.
  ///   - lengths: each row's number of tokens; Split is checked against them.
  /// - Throws: `CompositionError` with the names of what is wrong.
  public func plan(
    _ composition: Composition?, rows: Int, lengths: [Int]? = nil
  ) throws(CompositionError) -> AdapterPlan {
    guard let composition else { return AdapterPlan(base: encoder, rows: rows) }
    try check(composition)
    let repetitions = try composition.repetitions(rows: rows)
    return try plan(
      repetitions.flatMap { $0 }, sources: repetitions.flatMap { _ in Array(0..<rows) }, lengths: lengths)
  }

  /// The plan for rows that each have a composition of their own, in any order; nil is the base model.
  ///
  /// - Throws: `CompositionError`; also for a block that chooses rows.
  public func plan(rows: [Composition?], lengths: [Int]? = nil) throws(CompositionError) -> AdapterPlan {
    for case let composition? in rows {
      try check(composition)
      guard try composition.repetitions(rows: 1).count == 1 else {
        throw .unsupported(block: "Parallel", what: "one row of a batch, because it makes several of it")
      }
    }
    return try plan(rows, sources: Array(rows.indices), lengths: lengths)
  }

  /// Checks a composition, and that its adapters are there.
  private func check(_ composition: Composition) throws(CompositionError) {
    try composition.validate()
    for name in composition.adapters where adapters[name] == nil {
      throw .unknownAdapter(name: name, nearest: NearestNames.of(name, in: adapters.keys.sorted(), limit: 2))
    }
  }

  private func plan(
    _ rows: [Composition?], sources: [Int], lengths: [Int]?
  ) throws(CompositionError) -> AdapterPlan {
    var distinct: [Composition?] = []
    var members: [Composition?: [Int]] = [:]
    for (row, composition) in rows.enumerated() {
      if members[composition] == nil { distinct.append(composition) }
      members[composition, default: []].append(row)
    }
    var groups: [AdapterPlan.Group] = []
    var passRows: [Int] = []
    for composition in distinct {
      let own = members[composition] ?? []
      let hooks = try bound(composition)
      if let lengths, let longest = own.map({ lengths[sources[$0]] }).max() {
        try composition?.checkSplits(tokens: longest + hooks.hooks.promptLength)
      }
      groups.append(AdapterPlan.Group(rows: passRows.count..<passRows.count + own.count, hooks: hooks))
      passRows += own
    }
    var order = Array(repeating: 0, count: rows.count)
    for (position, row) in passRows.enumerated() { order[row] = position }
    return AdapterPlan(sources: passRows.map { sources[$0] }, groups: groups, order: order)
  }

  // MARK: Hooks

  private func bound(_ composition: Composition?) throws(CompositionError) -> BoundHooks {
    guard let composition else {
      return encoder.bind(EncoderHooks(layers: encoder.configuration.layerCount), on: pass)
    }
    if case .adapter(let name) = composition, let adapter = adapters[name] { return adapter.bound }
    return encoder.bind(try hooks(composition), on: pass)
  }

  /// The hooks of a composition without blocks that choose rows.
  private func hooks(_ composition: Composition) throws(CompositionError) -> EncoderHooks {
    if case .adapter(let name) = composition {
      guard let adapter = adapters[name] else { throw .unknownAdapter(name: name, nearest: []) }
      return adapter.bound.hooks
    }
    var parts: [EncoderHooks] = []
    for child in composition.children { parts.append(try hooks(child)) }
    let combine = Combination(composition, parts: parts.count)
    var result = EncoderHooks(layers: encoder.configuration.layerCount)
    result.afterEmbeddings = try combine.edits(parts.map(\.afterEmbeddings))
    result.prompt = try combine.prompts(parts.map(\.prompt))
    for layer in result.layers.indices {
      for place in ProjectionPlace.allCases {
        let (inputs, outputs) = place.widths(encoder.configuration)
        result.layers[layer][place] = try combine.projections(
          parts.map { $0.layers[layer][place] }, at: place, inputs: inputs, outputs: outputs, on: pass)
      }
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
    guard case .fuse(let children) = composition else { return nil }
    let name = AdapterFusion.name(of: children.map(\.last))
    guard let fusion = fusions[name] else {
      throw .unknownFusion(name: name, nearest: fusions.keys.sorted())
    }
    return fusion
  }
}

/// An adapter's hooks, bound to an encoder once for all plans.
public struct BoundAdapter: Sendable {
  let bound: BoundHooks

  /// The number of lowest layers in which it does not act; 0 where it acts on the embeddings.
  public var unhookedLayers: Int { bound.hooks.unhookedLayers }

  /// Whether it acts in some layer, and not on the embeddings alone.
  public var actsInLayers: Bool { bound.hooks.actsInLayers }

  /// - Parameters:
  ///   - skipped: the number of lowest layers in which the adapter does not act (AdapterDrop).
  ///   - pass: what it computes with and records.
  ///   - adapter: what is bound.
  ///   - encoder: what is adapted.
  ///   - name: what it is called.
  /// - Throws: what the method's `hooks` throws.
  public init(
    _ adapter: Adapter, named name: String, in encoder: Encoder, skippingLayersBelow skipped: Int = 0, on pass: Pass
  ) throws(ConfigurationError) {
    var hooks = try adapter.method.hooks(adapter.parameters, named: name, in: encoder, on: pass)
    for layer in hooks.layers.indices.prefix(skipped) { hooks.layers[layer] = LayerHooks() }
    bound = encoder.bind(hooks, on: pass)
  }
}
