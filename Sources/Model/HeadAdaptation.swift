internal import AdapterMethods
internal import Deberta
internal import Heads
internal import Tensors

/// Applies the adapters of a plan to the modules of a head.
struct HeadAdaptation {
  /// For each row group with head hooks, its rows among the answered ones.
  private let groups: [(hooks: [String: any HeadHook], rows: [Int])]
  private let pass: Pass

  /// Nil if no adapter has head hooks.
  ///
  /// - Parameter rows: the rows of the pass that the head answers.
  init?(_ plan: AdapterPlan, rows: [Int], on pass: Pass) {
    groups = plan.groups.compactMap { group in
      let hooks = group.hooks.hooks.heads
      let own = rows.indices.filter { group.rows.contains(rows[$0]) }
      return hooks.isEmpty || own.isEmpty ? nil : (hooks, own)
    }
    self.pass = pass
    if groups.isEmpty { return nil }
  }

  /// Changes a layer's output in place.
  ///
  /// - Parameter runs: for each answered row, its rows in the head's input.
  func adapt(_ layer: PredictionHead.NamedLayer, _ x: Tensor, _ y: Tensor, _ runs: [Range<Int>]) throws {
    for (hooks, rows) in groups {
      guard let hook = try hooks[layer.name]?.hook(for: HeadLayer(layer), on: pass) else { continue }
      for row in rows where !runs[row].isEmpty {
        let own = y.rows(runs[row])
        let site = Site(layer: -1, segment: Segment(sequences: row..<row + 1, rows: [0..<own.rows]))
        hook.adapt(own, input: x.rows(runs[row]), at: site, on: pass)
      }
    }
  }
}

extension HeadLayer {
  init(_ layer: PredictionHead.NamedLayer) { self.init(linear: layer.linear, words: layer.words, bias: layer.bias) }
}
