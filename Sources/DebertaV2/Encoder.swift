public import Checkpoints
internal import Kernels
public import Tensors

/// A DeBERTa-v2 or v3 encoder: weights, and the pass through them.
///
/// Immutable: adapters reach a pass as a plan, never the model, so any
/// number of passes with different adapters run at the same time.
public struct Encoder: Sendable {
  public let configuration: DebertaV2Configuration
  public let compute: Compute
  let embeddings: Embeddings
  /// The relative positions [2 · span, H], normalised where the model does so.
  let positions: Tensor?
  var layers: [EncoderLayer]
  let convolution: Convolution?

  /// Reads an encoder's tensors, named as transformers names them below `deberta.`.
  public init(_ weights: WeightReader, _ shape: DebertaV2Configuration) throws(CheckpointError) {
    configuration = shape
    compute = weights.compute
    embeddings = try Embeddings(weights["embeddings"], shape)
    let encoder = weights["encoder"]
    var positions: Tensor?
    if let relative = shape.relativePositions {
      positions = try encoder.tensor("rel_embeddings.weight", [relative.rows, shape.hiddenSize])
    }
    if shape.normalizesPositions {
      let norm = try encoder["LayerNorm"].layerNorm(shape.hiddenSize, eps: shape.layerNormEps)
      positions = positions.map { Pass(weights.compute).norm($0, norm) }
    }
    self.positions = positions
    layers = []
    for index in 0..<shape.layerCount {
      layers.append(try EncoderLayer(encoder["layer.\(index)"], shape, positions: positions))
    }
    convolution = try shape.convolution.map { convolution throws(CheckpointError) in
      try Convolution(encoder["conv"], shape, convolution)
    }
  }

  /// The last layer's hidden states [T, H] of the plan's rows, in the plan's order; prompts are tokens of their rows.
  ///
  /// - Parameters:
  ///   - batch: the rows that the plan's `sources` count.
  ///   - plan: made for this encoder.
  ///   - pass: what it computes with and records.
  public func callAsFunction(_ batch: Batch, _ plan: AdapterPlan, on pass: Pass) -> (Tensor, Batch) {
    let encoded = encoded(batch, plan, on: pass)
    return (encoded.hidden, encoded.batch)
  }

  /// A pass, with what an enhanced mask decoder goes on from.
  public func encoded(_ batch: Batch, _ plan: AdapterPlan, on pass: Pass) -> EncodedBatch {
    let words = batch.selecting(plan.sources)
    let embedded = embeddings(words, on: pass)
    for group in groups(plan, of: words) {
      group.bound.hooks.afterEmbeddings?.edit(
        embedded.rows(group.tokens), at: Site(layer: -1, segment: group.segment), on: pass)
    }
    let (batch, first) = words.prompted(embedded, plan.groups, on: pass)
    let groups = groups(plan, of: batch)
    let distances = configuration.relativePositions.map { DistanceTable($0, farthest: batch.farthest) }
    var (input, x) = (first, first)
    record(x, on: pass)
    for (index, layer) in layers.enumerated() {
      input = x
      let y = layer(x, batch, distances, Sites(layer: index, groups: groups, pass: pass))
      x = index == 0 ? convolution?(x, beside: y, batch, on: pass) ?? y : y
      record(x, on: pass)
    }
    return EncodedBatch(hidden: x, lastInput: input, batch: batch)
  }

  func groups(_ plan: AdapterPlan, of batch: Batch) -> [BatchGroup] {
    plan.groups.filter { !$0.rows.isEmpty }.map { BatchGroup($0, of: batch) }
  }

  private func record(_ x: Tensor, on pass: Pass) {
    if let trace = pass.trace, trace.kinds.contains(.hiddenStates) { trace.record(hiddenStates: pass.copy(x)) }
  }

  /// Hooks with the position tables they make of this encoder's.
  ///
  /// With shared projections a hook on query or key acts on the table of
  /// relative positions too: as a correction of low rank where the hook is
  /// one, else as a table of its own.
  public func bind(_ hooks: EncoderHooks) -> BoundHooks {
    precondition(hooks.layers.count == layers.count, "hooks for \(hooks.layers.count) of \(layers.count) layers")
    return BoundHooks(
      hooks: hooks,
      tables: layers.indices.map { index in
        let attention = layers[index].attention
        let places = hooks.layers[index]
        return (
          key: table(attention.keyTable, places[.key], attention.key, .key, layer: index),
          query: table(
            attention.queryTable, places[.query], attention.query, .query(scale: attention.scale), layer: index)
        )
      })
  }

  private func table(
    _ own: PositionTable?, _ hook: (any ProjectionHook)?, _ projection: Linear, _ kind: PositionTableKind, layer: Int
  ) -> PositionTable? {
    guard let own, let hook, let positions, configuration.sharesPositionProjections else { return own }
    let pass = Pass(compute)
    let site = Site(layer: layer, segment: Segment(sequences: 0..<1, rows: [0..<positions.rows]))
    if let lowRank = hook.lowRank {
      return own.corrected(
        right: lowRank.right(positions, at: site, on: pass), left: lowRank.left, kind, compute)
    }
    let projected = pass.linear(positions, projection)
    hook.adapt(projected, input: positions, at: site, on: pass)
    return PositionTable(projected, kind, heads: configuration.headCount, compute)
  }

  /// A linear layer.
  public func linear(_ place: ProjectionPlace, layer: Int) -> Linear { layers[layer][place] }

  /// This encoder with other linear layers in some places; everything else is shared.
  ///
  /// Position tables follow a replaced query or key projection where the model shares projections.
  public func replacing(_ linears: [(place: ProjectionPlace, layer: Int, linear: Linear)]) -> Encoder {
    var encoder = self
    for (place, layer, linear) in linears {
      encoder.layers[layer][place] = linear
      guard let positions, configuration.sharesPositionProjections else { continue }
      let attention = encoder.layers[layer].attention
      if place == .key, attention.keyTable != nil {
        encoder.layers[layer].attention.keyTable = attention.table(linear, positions, .key, compute)
      }
      if place == .query, attention.queryTable != nil {
        encoder.layers[layer].attention.queryTable = attention.table(
          linear, positions, .query(scale: attention.scale), compute)
      }
    }
    return encoder
  }
}
