internal import AdapterMethods
internal import Deberta
internal import Heads
internal import Tensors

/// What the adapters of a plan do at the modules of a head.
struct HeadAdaptation {
  /// For each row group with hooks on heads, the answered rows that are its own.
  private let groups: [(hooks: [String: any HeadHook], rows: [Int])]
  private let pass: Pass

  /// Nil where no adapter acts on heads.
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

  /// Changes what a layer gives, in place.
  ///
  /// - Parameter runs: for each answered row, its rows in what the head reads.
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
