public import Checkpoints
public import Tensors

/// The tokens whose last hidden states are asked for.
public enum AskedTokens: Sendable, Hashable {
  case all
  /// The first one of each sequence, as heads of sequences read: after its keys and values the last layer is then run
  /// for these alone, with the same bits but for what dropout draws, unless one of its hooks looks at whole sequences.
  case first
}

/// A DeBERTa encoder of any generation: weights, and the pass through them.
///
/// Immutable: adapters reach a pass as a plan, never the model, so any
/// number of passes with different adapters run at the same time.
public struct Encoder: Sendable {
  public private(set) var configuration: DebertaConfiguration
  public let compute: Compute
  private(set) var embeddings: Embeddings
  /// The relative positions [2 · span, H], normalised where the model does so.
  let positions: Tensor?
  var layers: [EncoderLayer]
  let convolution: Convolution?

  /// Reads an encoder's tensors, named as transformers names them below `deberta.`.
  public init(_ weights: WeightReader, _ shape: DebertaConfiguration) throws(CheckpointError) {
    configuration = shape
    compute = weights.compute
    let reader = PlaceReader(weights: weights, shape: shape)
    embeddings = try Embeddings(reader)
    var positions = try reader.table(.relativePositions)
    if shape.normalizesPositions {
      let norm = try reader.norm(.relativeNorm)
      positions = positions.map { weights.pass.norm($0, norm) }
    }
    self.positions = positions
    layers = []
    for index in 0..<shape.layerCount {
      layers.append(try EncoderLayer(reader, layer: index, positions: positions))
    }
    convolution = try shape.convolution.map { convolution throws(CheckpointError) in
      try Convolution(reader, convolution)
    }
  }

  /// The last layer's hidden states [T, H] of the plan's rows, in the plan's order; prompts are tokens of their rows.
  ///
  /// - Parameters:
  ///   - batch: the rows that the plan's `sources` count.
  ///   - plan: made for this encoder.
  ///   - asked: the tokens whose states are asked for.
  ///   - pass: what it computes with and records.
  public func callAsFunction(
    _ batch: Batch, _ plan: AdapterPlan, asked: AskedTokens = .all, on pass: Pass
  ) -> EncoderOutput {
    let words = batch.selecting(plan.sources)
    let embedded = embeddings(words, on: pass)
    for group in groups(plan, of: words) {
      group.bound.hooks.afterEmbeddings?.edit(
        embedded.rows(group.tokens), at: Site(layer: -1, segment: group.segment), on: pass)
    }
    let (batch, x) = words.prompted(embedded, plan.groups, on: pass)
    record(x, on: pass)
    return run(layers.indices, from: x, batch, plan, asked, on: pass)
  }

  /// The hidden states after some layers of the base model, [T, H].
  ///
  /// - Parameters:
  ///   - count: how many of the lowest layers, at least 1.
  ///   - batch: the sequences.
  ///   - pass: what it computes with and records.
  public func states(behindLayers count: Int, of batch: Batch, on pass: Pass) -> Tensor {
    let plan = AdapterPlan(base: self, rows: batch.sequences.count)
    return run(0..<count, from: embeddings(batch, on: pass), batch, plan, .all, on: pass).hidden
  }

  /// The last layer's hidden states of the plan's rows, from states x [T, H] of a batch after some of the lowest layers.
  ///
  /// - Parameters:
  ///   - x: what `states(behindLayers:of:on:)` gave for the batch.
  ///   - count: how many layers it has gone through; the plan has no hooks there.
  ///   - plan: which hooks act on which rows.
  ///   - batch: the sequences.
  ///   - asked: the tokens whose states are asked for.
  ///   - pass: what it computes with and records.
  public func callAsFunction(
    _ x: Tensor, behindLayers count: Int, of batch: Batch, _ plan: AdapterPlan, asked: AskedTokens = .all,
    on pass: Pass
  ) -> EncoderOutput {
    precondition(count > 0 && count <= plan.unhookedLayers, "hooks below layer \(count)")
    let tokens = plan.sources.flatMap { Array(batch.tokens(of: $0)) }
    let own = tokens == Array(0..<x.rows) ? x : pass.gather(x, rows: tokens)
    return run(count..<layers.count, from: own, batch.selecting(plan.sources), plan, asked, on: pass)
  }

  /// x [T, H] through some of the layers.
  private func run(
    _ indices: Range<Int>, from x: Tensor, _ batch: Batch, _ plan: AdapterPlan, _ asked: AskedTokens, on pass: Pass
  ) -> EncoderOutput {
    let groups = groups(plan, of: batch)
    let firsts = asked == .first && canNarrow(plan, on: pass) ? batch.firsts : nil
    let distances = configuration.relativePositions.map { DistanceTable($0, farthest: batch.farthest) }
    var (input, x) = (x, x)
    for index in indices {
      input = x
      let body = { (x: Tensor, pass: Pass) -> Tensor in
        let sites = Sites(layer: index, groups: groups, pass: pass)
        if index == layers.count - 1, let firsts {
          let queries = Queries(
            states: pass.gather(x, rows: batch.firstTokens), batch: firsts,
            at: Sites(layer: index, groups: self.groups(plan, of: firsts), pass: pass))
          return layers[index](x, queries: queries, batch, distances, sites)
        }
        let y = layers[index](x, batch, distances, sites)
        return index == 0 ? convolution?(x, beside: y, batch, on: pass) ?? y : y
      }
      // Below the lowest place that is trained nothing is kept, so there is nothing to compute again.
      let isPlain = index < plan.unhookedLayers && pass.tape?.tracks(x) != true
      x = isPlain ? body(x, pass) : pass.recomputed(x, body)
      record(x, on: pass)
    }
    return EncoderOutput(hidden: x, lastInput: input, batch: firsts ?? batch)
  }

  /// Whether the last layer can be run for the first tokens alone: nothing is recorded, and its hooks let each token alone.
  private func canNarrow(_ plan: AdapterPlan, on pass: Pass) -> Bool {
    let last = layers.count - 1
    return pass.trace == nil && (last > 0 || convolution == nil)
      && plan.groups.allSatisfy { $0.hooks.hooks.layers[last].isTokenwise }
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
  public func bind(_ hooks: EncoderHooks, on pass: Pass) -> BoundHooks {
    precondition(hooks.layers.count == layers.count, "hooks for \(hooks.layers.count) of \(layers.count) layers")
    return BoundHooks(
      hooks: hooks,
      tables: layers.indices.map { index in
        let attention = layers[index].attention
        let places = hooks.layers[index]
        return (
          key: table(attention.keyTable, places[.key], attention.projections[.key], layer: index, on: pass),
          query: table(attention.queryTable, places[.query], attention.projections[.query], layer: index, on: pass)
        )
      })
  }

  private func table(
    _ own: PositionTable?, _ hook: (any ProjectionHook)?, _ projection: Linear?, layer: Int, on pass: Pass
  ) -> PositionTable? {
    guard let own, let hook, let projection, let positions, configuration.sharesPositionProjections else { return own }
    let site = Site(layer: layer, segment: Segment(sequences: 0..<1, rows: [0..<positions.rows]))
    // A tape follows whole tables alone, and positions that meet position keys are no packed part of one.
    if pass.tape == nil, own.queryPositions == nil, let lowRank = hook.lowRank {
      return own.corrected(right: lowRank.right(positions, at: site, on: pass), left: lowRank.left, compute)
    }
    let projected = pass.linear(positions, projection)
    hook.adapt(projected, input: positions, at: site, on: pass)
    return layers[layer].attention.table(projected, own.kind, on: pass)
  }

  /// This encoder with another table of word embeddings [vocabulary, E]; everything else is shared.
  public func replacing(words: WeightMatrix) -> Encoder {
    precondition(words.columns == configuration.embeddingSize, "\(words.columns) features of words")
    var encoder = self
    encoder.embeddings.words = words
    encoder.configuration.vocabularySize = words.rows
    return encoder
  }

  /// A linear layer.
  public func linear(_ place: ProjectionPlace, layer: Int) -> Linear { layers[layer][place] }

  /// This encoder with other linear layers in some places; everything else is shared.
  ///
  /// Position tables follow a replaced query or key projection where the model shares projections.
  public func replacing(_ linears: [(place: ProjectionPlace, layer: Int, linear: Linear)]) -> Encoder {
    var encoder = self
    let pass = Pass(compute)
    for (place, layer, linear) in linears {
      encoder.layers[layer][place] = linear
      guard let positions, configuration.sharesPositionProjections else { continue }
      let attention = encoder.layers[layer].attention
      if place == .key, attention.keyTable != nil {
        encoder.layers[layer].attention.keyTable = attention.table(linear, positions, .key, on: pass)
      }
      if place == .query, attention.queryTable != nil {
        encoder.layers[layer].attention.queryTable = attention.table(
          linear, positions, .query(scale: attention.scale), on: pass)
      }
    }
    return encoder
  }
}
