internal import Kernels
internal import Tensors

/// One layer's hook points in one pass: the only code that iterates over row groups.
struct Sites {
  let layer: Int
  let groups: [BatchGroup]
  let pass: Pass

  /// linear(x), with each group's hook applied to its own rows. The product runs once for all rows.
  func project(_ place: ProjectionPlace, _ linear: Linear, _ x: Tensor) -> Tensor {
    let y = pass.linear(x, linear)
    for group in groups {
      guard let hook = group.hooks(layer)[place] else { continue }
      hook.adapt(y.rows(group.tokens), input: x.rows(group.tokens), at: site(group), on: pass)
    }
    return y
  }

  /// activation(linear(x)); fused if there is no hook between the two.
  func project(
    _ place: ProjectionPlace, _ linear: Linear, _ x: Tensor, then activation: Activation
  ) -> Tensor {
    if activation == .gelu, !isHooked(place) {
      return pass.linearGELU(x, linear)
    }
    let y = project(place, linear, x)
    pass.activate(y, activation)
    return y
  }

  /// body(x), in blocks of rows unless a hook sees them, so that the wide states of a long text never exist at once.
  func inBlocks(_ x: Tensor, unlessHookedAt places: [ProjectionPlace], _ body: (Tensor) -> Tensor) -> Tensor {
    let size = 512
    guard x.rows > size, pass.tape == nil, !places.contains(where: isHooked) else { return body(x) }
    let y = pass.tensor(rows: x.rows, columns: x.columns)
    for first in stride(from: 0, to: x.rows, by: size) {
      let rows = first..<min(first + size, x.rows)
      pass.copy(body(x.rows(rows)), into: y.rows(rows))
    }
    return y
  }

  func isHooked(_ place: ProjectionPlace) -> Bool { groups.contains { $0.hooks(layer)[place] != nil } }

  /// norm(hidden + residual), or the result of a group's hook for the three. May replace `hidden`.
  ///
  /// - Parameter own: the norm with which a group replaces the layer's.
  func join(
    _ place: KeyPath<LayerHooks, (any JoinHook)?>, _ hidden: Tensor, residual: Tensor, _ norm: LayerNorm,
    own: KeyPath<LayerHooks, LayerNorm?>
  ) -> Tensor {
    if groups.count == 1 {
      let norm = groups[0].hooks(layer)[keyPath: own] ?? norm
      guard let hook = groups[0].hooks(layer)[keyPath: place] else {
        pass.norm(hidden, plus: residual, norm, into: hidden)
        return hidden
      }
      return hook.join(hidden, residual: residual, norm: norm, at: site(groups[0]), on: pass)
    }
    let joined = pass.tensor(rows: hidden.rows, columns: hidden.columns)
    for group in groups {
      let norm = group.hooks(layer)[keyPath: own] ?? norm
      let (h, r, own) = (hidden.rows(group.tokens), residual.rows(group.tokens), joined.rows(group.tokens))
      if let hook = group.hooks(layer)[keyPath: place] {
        pass.copy(hook.join(h, residual: r, norm: norm, at: site(group), on: pass), into: own)
      } else {
        pass.norm(h, plus: r, norm, into: own)
      }
    }
    return joined
  }

  /// Applies each group's edit to its rows, in place.
  func edit(_ hidden: Tensor) -> Tensor {
    for group in groups {
      group.hooks(layer).afterLayer?.edit(hidden.rows(group.tokens), at: site(group), on: pass)
    }
    return hidden
  }

  /// Each group's memory, for each of its sequences.
  func memories(_ x: Tensor) -> [[(key: Tensor, value: Tensor)]?] {
    groups.map { group in
      group.hooks(layer).memory?.memory(for: x.rows(group.tokens), at: site(group), on: pass)
    }
  }

  private func site(_ group: BatchGroup) -> Site { Site(layer: layer, segment: group.segment) }
}

/// A row group with the tokens of its sequences.
struct BatchGroup {
  let bound: BoundHooks
  let tokens: Range<Int>
  let segment: Segment

  init(_ group: AdapterPlan.Group, of batch: Batch) {
    let tokens = batch.starts[group.rows.lowerBound]..<batch.starts[group.rows.upperBound]
    bound = group.hooks
    self.tokens = tokens
    segment = Segment(
      sequences: group.rows,
      rows: group.rows.map { row in
        let own = batch.tokens(of: row)
        return own.lowerBound - tokens.lowerBound..<own.upperBound - tokens.lowerBound
      })
  }

  func hooks(_ layer: Int) -> LayerHooks { bound.hooks.layers[layer] }
}
