public import Tensors

extension Encoder {
  /// Binds hooks to the position tables that they derive from this encoder's.
  ///
  /// A hook on a projection of the relative positions changes their table; so do query and key hooks if the model
  /// shares these projections. A low-rank product is kept as a correction of the layer's table; any other hook makes a
  /// new table.
  public func bind(_ hooks: EncoderHooks, on pass: Pass) -> BoundHooks {
    precondition(hooks.layers.count == layers.count, "hooks for \(hooks.layers.count) of \(layers.count) layers")
    let positions = relative?.adapted(by: hooks.relativePositions, on: pass)
    let isShared = configuration.sharesPositionProjections
    return BoundHooks(
      hooks: hooks,
      tables: layers.indices.map { index in
        let (attention, places) = (layers[index].attention, hooks.layers[index])
        return (
          key: table(
            attention.keyTable, positions, isShared ? places[.key] : places.positionKey, layer: index, on: pass
          ) { attention.positionKey?.packed(on: pass) ?? attention.projections[.key] },
          query: table(
            attention.queryTable, positions, isShared ? places[.query] : places.positionQuery, layer: index, on: pass
          ) { attention.positionQuery?.packed(on: pass) ?? attention.projections[.query] }
        )
      })
  }

  /// - Parameters:
  ///   - own: the layer's table.
  ///   - replaced: replaces the encoder's relative positions.
  ///   - hook: the hook on their projection.
  ///   - projection: their projection.
  private func table(
    _ own: PositionTable?, _ replaced: RelativeTable?, _ hook: (any ProjectionHook)?, layer: Int, on pass: Pass,
    projection: () -> Linear?
  ) -> PositionTable? {
    guard let own, hook != nil || replaced != nil, let positions = (replaced ?? relative)?.normalized else {
      return own
    }
    let site = Site(layer: layer, segment: Segment(sequences: 0..<1, rows: [0..<positions.rows]))
    // A tape follows only whole tables, and position-to-position queries are not part of a packed one.
    if pass.tape == nil, replaced == nil, own.queryPositions == nil, let lowRank = hook?.lowRank {
      return own.corrected(right: lowRank.right(positions, at: site, on: pass), left: lowRank.left, compute)
    }
    guard let projection = projection() else { return own }
    let projected = pass.linear(positions, projection)
    hook?.adapt(projected, input: positions, at: site, on: pass)
    return layers[layer].attention.table(projected, own.kind, on: pass)
  }
}

extension AdapterPlan {
  /// The base model for every row.
  public init(base encoder: Encoder, rows: Int) {
    self.init(
      sources: Array(0..<rows),
      groups: [
        Group(
          rows: 0..<rows, hooks: encoder.bind(EncoderHooks(layers: encoder.layers.count), on: Pass(encoder.compute)))
      ],
      order: Array(0..<rows))
  }
}
