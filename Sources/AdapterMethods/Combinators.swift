internal import Deberta
internal import Tensors

// Composition blocks as hooks built from hooks, written once for each kind of hook.

/// Hooks in order, each applied to the previous one's result.
///
/// In a Stack of low-rank products the second reads the output of the first instead, as in `adapters`.
struct StackedProjection: ProjectionHook {
  let children: [any ProjectionHook]

  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    for child in children { child.adapt(y, input: x, at: site, on: pass) }
  }
}

/// Two chained low-rank products: (B₂ A₂) (B₁ A₁) x.
struct ChainedLowRank: LowRankHook {
  let first, second: any LowRankHook

  var left: LeftFactor { second.left }
  var isTokenwise: Bool { first.isTokenwise && second.isTokenwise }

  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let between = pass.linear(first.right(x, at: site, on: pass), first.left.layer)
    return second.right(between, at: site, on: pass)
  }
}

/// The weighted sum of low-rank products, with concatenated factors.
struct SummedLowRank: LowRankHook {
  private let children: [any LowRankHook]
  private let weights: [Float]
  let left: LeftFactor

  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  init(_ children: [any LowRankHook], weights: [Float], on pass: Pass) {
    self.children = children
    self.weights = weights
    let rows = children.first?.left.rows.rows ?? 0
    let rank = children.reduce(0) { $0 + $1.left.rows.columns }
    let joined = pass.tensor(rows: rows, columns: rank)
    for (child, columns) in zip(children, Self.columns(children)) {
      pass.copy(child.left.rows, into: joined.columns(columns))
    }
    left = LeftFactor(joined, on: pass)
  }

  func right(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let right = pass.tensor(rows: x.rows, columns: left.rows.columns)
    for (index, columns) in Self.columns(children).enumerated() {
      let own = children[index].right(x, at: site, on: pass)
      pass.scale(own, by: weights[index])
      pass.copy(own, into: right.columns(columns))
    }
    return right
  }

  private static func columns(_ children: [any LowRankHook]) -> [Range<Int>] {
    var first = 0
    return children.map { child in
      defer { first += child.left.rows.columns }
      return first..<first + child.left.rows.columns
    }
  }
}

/// The weighted sum of the hooks' results; the base result gets the weights of missing children.
struct WeightedProjection: ProjectionHook {
  let children: [any ProjectionHook]
  let weights: [Float]
  /// The weight of the unchanged result.
  let rest: Float

  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  func adapt(_ y: Tensor, input x: Tensor, at site: Site, on pass: Pass) {
    let total = pass.scaled(y, by: rest)
    for (child, weight) in zip(children, weights) {
      let own = pass.copy(y)
      child.adapt(own, input: x, at: site, on: pass)
      pass.add(own, times: weight, to: total)
    }
    pass.copy(total, into: y)
  }
}

/// Joins in order; the last one closes the sub-block.
struct StackedJoin: JoinHook {
  let children: [any JoinHook]

  var addsHiddenOnClose: Bool { children.last?.addsHiddenOnClose ?? false }
  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    children.reduce(hidden) { $1.transform($0, residual: residual, norm: norm, at: site, on: pass) }
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    children.last?.close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass) ?? adapted
  }
}

/// Joins in order, each on the previous one's states; the last one closes the sub-block.
///
/// A parallel join's result is added to those states.
struct SequentialJoin: JoinHook {
  let children: [any JoinHook]

  var addsHiddenOnClose: Bool { children.last?.addsHiddenOnClose ?? false }
  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    var states = hidden
    for child in children {
      let own = child.transform(states, residual: residual, norm: norm, at: site, on: pass)
      if child.addsHiddenOnClose { pass.add(states, to: own) }
      states = own
    }
    if addsHiddenOnClose { pass.add(hidden, times: -1, to: states) }
    return states
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    children.last?.close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass) ?? adapted
  }
}

/// The weighted sum of the joins' results; `rest` is the weight of the unchanged states.
struct WeightedJoin: JoinHook {
  let children: [any JoinHook]
  let weights: [Float]
  let rest: Float

  var addsHiddenOnClose: Bool { children.last?.addsHiddenOnClose ?? false }
  var isTokenwise: Bool { children.allSatisfy(\.isTokenwise) }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    // Every child's result includes the hidden states, whether the child adds them or leaves that to `close`.
    var share = rest - (addsHiddenOnClose ? 1 : 0)
    for (child, weight) in zip(children, weights) where child.addsHiddenOnClose { share += weight }
    let total = pass.scaled(hidden, by: share)
    for (child, weight) in zip(children, weights) {
      pass.add(
        child.transform(hidden, residual: residual, norm: norm, at: site, on: pass), times: weight, to: total)
    }
    return total
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    children.last?.close(adapted, hidden: hidden, residual: residual, norm: norm, at: site, on: pass) ?? adapted
  }
}

/// Each child adapts a range of every sequence's tokens, in order; a child without a hook leaves its range unchanged.
struct SplitJoin: JoinHook {
  let children: [(any JoinHook)?]
  let sizes: [Int]

  var addsHiddenOnClose: Bool { children.contains { $0?.addsHiddenOnClose == true } }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    let result = pass.copy(hidden)
    for (child, rows) in parts(hidden, at: site) {
      let (h, own) = (hidden.rows(rows), result.rows(rows))
      if let child {
        let segment = Segment(sequences: site.segment.sequences, rows: [0..<rows.count])
        let site = Site(layer: site.layer, segment: segment)
        pass.copy(child.transform(h, residual: residual.rows(rows), norm: norm, at: site, on: pass), into: own)
      }
      // If one child leaves the hidden states to `close`, all do.
      if addsHiddenOnClose, child?.addsHiddenOnClose != true { pass.add(h, times: -1, to: own) }
    }
    return result
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    for (child, rows) in parts(hidden, at: site) {
      let (h, r, own) = (hidden.rows(rows), residual.rows(rows), adapted.rows(rows))
      if addsHiddenOnClose, child?.addsHiddenOnClose != true { pass.add(h, to: own) }
      if let child {
        pass.copy(child.close(own, hidden: h, residual: r, norm: norm, at: site, on: pass), into: own)
      } else {
        pass.norm(own, plus: r, norm, into: own)
      }
    }
    return adapted
  }

  /// Each child's rows in every sequence; short sequences end early.
  private func parts(_ hidden: Tensor, at site: Site) -> [((any JoinHook)?, Range<Int>)] {
    site.segment.rows.flatMap { rows in
      var first = rows.lowerBound
      return zip(children, sizes).compactMap { child, size in
        let own = first..<min(first + size, rows.upperBound)
        first = own.upperBound
        return own.isEmpty ? nil : (child, own)
      }
    }
  }
}

/// The weighted sum of the edits' results; `rest` is the weight of the unchanged states.
struct WeightedEdit: StateHook {
  let children: [any StateHook]
  let weights: [Float]
  let rest: Float

  func edit(_ hidden: Tensor, at site: Site, on pass: Pass) {
    let total = pass.scaled(hidden, by: rest)
    for (child, weight) in zip(children, weights) {
      let own = pass.copy(hidden)
      child.edit(own, at: site, on: pass)
      pass.add(own, times: weight, to: total)
    }
    pass.copy(total, into: hidden)
  }
}

/// Edits one after the other.
struct StackedEdit: InvertibleHook {
  let children: [any StateHook]

  /// The children's inverses, the last one first.
  var inverse: (any StateHook)? {
    let inverses = children.reversed().compactMap { ($0 as? any InvertibleHook)?.inverse }
    return inverses.count == children.count ? StackedEdit(children: inverses) : nil
  }

  func edit(_ hidden: Tensor, at site: Site, on pass: Pass) {
    for child in children { child.edit(hidden, at: site, on: pass) }
  }
}

/// Hooks on one module of a head: in order, or weighted.
struct CombinedHeadHook: HeadHook {
  let children: [any HeadHook]
  /// Nil: in order.
  let weights: [Float]?
  let rest: Float

  func hook(for layer: HeadLayer, on pass: Pass) throws -> (any ProjectionHook)? {
    let own = try children.map { try $0.hook(for: layer, on: pass) }
    guard let weights else {
      let present = own.compactMap { $0 }
      return present.isEmpty ? nil : present.inOrder(on: pass)
    }
    let present = zip(own, weights).compactMap { hook, weight in hook.map { ($0, weight) } }
    return WeightedProjection(
      children: present.map(\.0), weights: present.map(\.1), rest: 1 - present.reduce(0) { $0 + $1.1 })
  }
}

/// Concatenated memories; the last adapter's comes first.
struct StackedMemory: MemoryHook {
  let children: [any MemoryHook]

  func memory(for x: Tensor, at site: Site, on pass: Pass) -> [(key: Tensor, value: Tensor)] {
    let parts = children.reversed().map { $0.memory(for: x, at: site, on: pass) }
    return site.segment.rows.indices.map { row in
      (key: joined(parts.map { $0[row].key }, on: pass), value: joined(parts.map { $0[row].value }, on: pass))
    }
  }

  private func joined(_ parts: [Tensor], on pass: Pass) -> Tensor {
    let all = pass.tensor(rows: parts.reduce(0) { $0 + $1.rows }, columns: parts.first?.columns ?? 0)
    var first = 0
    for part in parts {
      pass.copy(part, into: all.rows(first..<first + part.rows))
      first += part.rows
    }
    return all
  }
}
