internal import Tensors

/// Which rows of a batch are adapted, and how: a composition lowered for one encoder.
///
/// A plan is made once, before any arithmetic; names are resolved and
/// nesting is checked by then.
public struct AdapterPlan: Sendable {
  /// Rows of the plan's own order that share their hooks.
  public struct Group: Sendable {
    public let rows: Range<Int>
    public let hooks: BoundHooks

    public init(rows: Range<Int>, hooks: BoundHooks) {
      self.rows = rows
      self.hooks = hooks
    }
  }

  /// For each row of the pass, the row of the input that it repeats.
  public let sources: [Int]
  /// Together they hold every row of the pass once, in order.
  public let groups: [Group]
  /// For each row of the output, the row of the pass.
  public let order: [Int]

  /// - Parameters:
  ///   - sources: for each row of the pass, the input's row.
  ///   - groups: one after the other, covering all rows.
  ///   - order: for each row of the output, the row of the pass.
  public init(sources: [Int], groups: [Group], order: [Int]) {
    precondition(
      groups.reduce(0) { $0 == $1.rows.lowerBound ? $1.rows.upperBound : -1 } == sources.count, "row groups with gaps")
    self.sources = sources
    self.groups = groups
    self.order = order
  }

  /// The number of lowest layers in which no hook acts on any row; 0 where one acts on the embeddings.
  public var unhookedLayers: Int { groups.map(\.hooks.hooks.unhookedLayers).min() ?? 0 }

  /// Whether a hook acts on the embeddings of any row.
  public var changesEmbeddings: Bool { groups.contains { $0.hooks.hooks.afterEmbeddings != nil } }

}

/// Hooks with the position tables that they make of an encoder's.
public struct BoundHooks: Sendable {
  public let hooks: EncoderHooks
  /// For each layer, the tables of position keys and position queries.
  let tables: [(key: PositionTable?, query: PositionTable?)]
}
