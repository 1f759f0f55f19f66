internal import Tensors

/// Which rows of a batch are adapted, and how: a composition lowered for one encoder.
///
/// A plan is made once, before any arithmetic. By then names are resolved and nesting is checked.
public struct AdapterPlan: Sendable {
  /// Rows that share their hooks, in the plan's order.
  public struct Group: Sendable {
    public let rows: Range<Int>
    public let hooks: BoundHooks

    public init(rows: Range<Int>, hooks: BoundHooks) {
      self.rows = rows
      self.hooks = hooks
    }
  }

  /// The input row that each row of the pass repeats.
  public let sources: [Int]
  /// Together they cover every row of the pass exactly once, in order.
  public let groups: [Group]
  /// The pass row behind each output row.
  public let order: [Int]

  /// - Parameters:
  ///   - sources: the input row for each row of the pass.
  ///   - groups: consecutive, covering all rows.
  ///   - order: the pass row for each output row.
  public init(sources: [Int], groups: [Group], order: [Int]) {
    precondition(
      groups.reduce(0) { $0 == $1.rows.lowerBound ? $1.rows.upperBound : -1 } == sources.count, "row groups with gaps")
    self.sources = sources
    self.groups = groups
    self.order = order
  }

  /// The number of lowest layers without any hook; 0 if a hook changes the embeddings.
  public var unhookedLayers: Int { groups.map(\.hooks.hooks.unhookedLayers).min() ?? 0 }

  /// Whether a hook changes the embeddings of any row.
  public var changesEmbeddings: Bool { groups.contains { $0.hooks.hooks.afterEmbeddings != nil } }

}

/// Hooks with the position tables that they derive from an encoder's.
public struct BoundHooks: Sendable {
  public let hooks: EncoderHooks
  /// The tables of position keys and position queries, per layer.
  let tables: [(key: PositionTable?, query: PositionTable?)]
}
