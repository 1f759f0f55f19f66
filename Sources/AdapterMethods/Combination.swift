internal import Deberta
internal import Tensors

/// Combines the hooks of a block's children into one.
struct Combination {
  private let block: Composition.Block
  private let names: [String]
  /// Each child's weight; nil if children act in sequence.
  private let weights: [Float]?
  /// Each child's number of tokens; nil if every child gets all tokens.
  private let sizes: [Int]?

  init(_ composition: Composition, parts: Int) {
    block = composition.block ?? .stack
    if case .split(_, let sizes) = composition { self.sizes = sizes } else { sizes = nil }
    names = composition.children.map(\.description)
    switch composition {
    case .average(_, let weights):
      let sum = weights?.reduce(0, +) ?? 1
      self.weights = weights?.map { $0 / sum } ?? Array(repeating: 1 / Float(parts), count: parts)
    default: weights = nil
    }
  }

  /// The children with a hook, with their weights, and the weight left for the base.
  private func present<Hook>(_ hooks: [Hook?]) -> (hooks: [Hook], weights: [Float]?, rest: Float) {
    let indices = hooks.indices.filter { hooks[$0] != nil }
    let weights = weights.map { all in indices.map { all[$0] } }
    return (hooks.compactMap { $0 }, weights, 1 - (weights?.reduce(0, +) ?? 0))
  }

  func projections(
    _ hooks: [(any ProjectionHook)?], at path: String, inputs: Int, outputs: Int, on pass: Pass
  ) throws(CompositionError) -> (any ProjectionHook)? {
    let (present, weights, rest) = present(hooks)
    guard let first = present.first else { return nil }
    try refuseTokens("methods that act on linear layers")
    let lowRank = present.compactMap(\.lowRank)
    let isLowRank = lowRank.count == present.count
    if let weights {
      if isLowRank { return SummedLowRank(lowRank, weights: weights, on: pass) }
      return WeightedProjection(children: present, weights: weights, rest: rest)
    }
    guard present.count > 1 else { return first }
    if block == .sum { return present.inOrder(on: pass) }
    guard isLowRank, let start = lowRank.first else { return StackedProjection(children: present) }
    guard inputs == outputs else {
      let owners = zip(names, hooks).filter { $0.1 != nil }.map(\.0)
      throw .chain(first: owners[0], second: owners[1], place: path, inputs: inputs, outputs: outputs)
    }
    return lowRank.dropFirst().reduce(start) { ChainedLowRank(first: $0, second: $1) }
  }

  func tables(_ hooks: [(any TableHook)?]) throws(CompositionError) -> (any TableHook)? {
    let (present, weights, rest) = present(hooks)
    guard let first = present.first else { return nil }
    try refuseTokens("methods that act on embeddings")
    if let weights { return WeightedTable(children: present, weights: weights, rest: rest) }
    return present.count == 1 ? first : StackedTable(children: present)
  }

  /// The norm of the last child that has one; for weighted children their mean, since a norm is linear in gain and
  /// bias.
  func norms(
    _ norms: [LayerNorm?], base: LayerNorm?, on pass: Pass
  ) throws(CompositionError) -> LayerNorm? {
    let (present, weights, rest) = present(norms)
    guard let last = present.last else { return nil }
    try refuseTokens("methods that replace norms")
    guard let weights, let base else { return last }
    let (gain, bias) = (pass.scaled(base.gain, by: rest), pass.scaled(base.bias, by: rest))
    for (norm, weight) in zip(present, weights) {
      pass.add(norm.gain, times: weight, to: gain)
      pass.add(norm.bias, times: weight, to: bias)
    }
    return LayerNorm(gain: gain, bias: bias, eps: base.eps)
  }

  func heads(_ hooks: [(any HeadHook)?]) throws(CompositionError) -> (any HeadHook)? {
    let (present, weights, rest) = present(hooks)
    guard let first = present.first else { return nil }
    try refuseTokens("methods that act on heads")
    if let weights { return CombinedHeadHook(children: present, weights: weights, rest: rest) }
    if present.count == 1 { return first }
    guard block == .sum else {
      throw .unsupported(block: block.rawValue, what: "several adapters that act on a head; Sum applies them in order")
    }
    return CombinedHeadHook(children: present, weights: nil, rest: 0)
  }

  /// - Parameter fusion: for a Fuse.
  func joins(
    _ hooks: [(any JoinHook)?], fusion: BoundFusion?, _ layer: Int, _ site: BottleneckSite
  ) throws(CompositionError) -> (any JoinHook)? {
    let (present, weights, rest) = present(hooks)
    guard let first = present.first else { return nil }
    if let weights { return WeightedJoin(children: present, weights: weights, rest: rest) }
    if let sizes { return SplitJoin(children: hooks, sizes: sizes) }
    if let fusion {
      let fusible = present.compactMap { $0 as? any FusibleJoin }
      guard fusible.count == present.count, let last = fusible.last else {
        throw .unsupported(block: block.rawValue, what: "children that are no bottlenecks or stacks of them")
      }
      guard let attention = fusion.layer(layer, site) else {
        throw .noFusion(name: names.joined(separator: ","), place: site.path(layer: layer))
      }
      return FusedJoin(children: fusible, last: last, layer: attention)
    }
    guard present.count > 1 else { return first }
    if block == .sum { return SequentialJoin(children: present) }
    let stack = StackedJoin(children: present)
    return (present.last as? any FusibleJoin).map { FusibleStack(stack: stack, last: $0) } ?? stack
  }

  func edits(_ hooks: [(any StateHook)?]) throws(CompositionError) -> (any StateHook)? {
    let (present, weights, rest) = present(hooks)
    guard let first = present.first else { return nil }
    try refuseTokens("methods that edit hidden states")
    if let weights { return WeightedEdit(children: present, weights: weights, rest: rest) }
    return present.count == 1 ? first : StackedEdit(children: present)
  }

  func prompts(_ prompts: [Prompt?]) throws(CompositionError) -> Prompt? {
    let (present, weights, _) = present(prompts)
    guard let first = present.first else { return nil }
    try refuseTokens("methods that lengthen sequences")
    guard weights == nil, present.count == 1 else {
      throw .unsupported(block: block.rawValue, what: "several prompts, or a part of one")
    }
    return first
  }

  func memories(_ hooks: [(any MemoryHook)?]) throws(CompositionError) -> (any MemoryHook)? {
    let (present, weights, _) = present(hooks)
    guard let first = present.first else { return nil }
    guard weights == nil else { throw .unsupported(block: block.rawValue, what: "methods that put keys in front") }
    try refuseTokens("methods that put keys in front")
    return present.count == 1 ? first : StackedMemory(children: present)
  }

  /// As in `adapters`, blocks that treat tokens separately only support bottlenecks.
  private func refuseTokens(_ what: String) throws(CompositionError) {
    if block == .split || block == .fuse { throw .unsupported(block: block.rawValue, what: what) }
  }
}
