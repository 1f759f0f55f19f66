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
  var embeddings: Embeddings
  var relative: RelativeTable?
  /// Of the relative positions; models without these may have it too.
  var relativeNorm: LayerNorm?
  var layers: [EncoderLayer]
  var convolution: ConvolutionLayer?

  /// Reads an encoder's tensors, named as transformers names them below `deberta.`.
  public init(_ weights: WeightReader, _ shape: DebertaConfiguration) throws(CheckpointError) {
    configuration = shape
    compute = weights.compute
    let reader = PlaceReader(weights: weights, shape: shape)
    embeddings = try Embeddings(reader)
    relativeNorm = try shape.normalizesPositions ? reader.norm(.relativeNorm) : nil
    relative = try RelativeTable(reader, relativeNorm)
    layers = []
    for index in 0..<shape.layerCount {
      layers.append(try EncoderLayer(reader, layer: index, positions: relative?.normalized))
    }
    convolution = try shape.convolution.map { convolution throws(CheckpointError) in
      try ConvolutionLayer(reader, convolution)
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
    let words = batch.selecting(plan.sources).prompted(plan.groups)
    let rowGroups = groups(plan, of: words)
    let embedded = embeddings(words, rowGroups, on: pass)
    for group in rowGroups {
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
  public func states(afterLayers count: Int, of batch: Batch, on pass: Pass) -> Tensor {
    let plan = AdapterPlan(base: self, rows: batch.sequences.count)
    let embedded = embeddings(batch, groups(plan, of: batch), on: pass)
    return run(0..<count, from: embedded, batch, plan, .all, on: pass).hidden
  }

  /// The last layer's hidden states of the plan's rows, from states x [T, H] of a batch after some of the lowest layers.
  ///
  /// - Parameters:
  ///   - x: what `states(afterLayers:of:on:)` gave for the batch.
  ///   - count: how many layers it has gone through; the plan has no hooks there.
  ///   - plan: which hooks act on which rows.
  ///   - batch: the sequences.
  ///   - asked: the tokens whose states are asked for.
  ///   - pass: what it computes with and records.
  public func callAsFunction(
    _ x: Tensor, afterLayers count: Int, of batch: Batch, _ plan: AdapterPlan, asked: AskedTokens = .all,
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
        return index == 0 ? convolution?(x, beside: y, batch, groups, on: pass) ?? y : y
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

  /// This encoder with another table of word embeddings [vocabulary, E]; everything else is shared.
  public func replacing(words: WeightMatrix) -> Encoder {
    precondition(words.columns == configuration.embeddingSize, "\(words.columns) features of words")
    var encoder = self
    encoder.embeddings.words = words
    encoder.configuration.vocabularySize = words.rows
    return encoder
  }
}
