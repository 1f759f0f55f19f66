public import Checkpoints
public import Tensors

/// The tokens whose last hidden states are requested.
public enum AskedTokens: Sendable, Hashable {
  case all
  /// The first token of each sequence, as sequence heads read it. The last layer computes all keys and values but runs
  /// the rest for these tokens only. The bits are the same, except for dropout, and a hook that reads whole sequences
  /// prevents it.
  case first
}

/// A DeBERTa encoder of any generation: its weights and forward pass.
///
/// Immutable: adapters reach a pass as a plan, never the model, so any number of passes with different adapters can run
/// at the same time.
public struct Encoder: Sendable {
  public private(set) var configuration: DebertaConfiguration
  public let compute: Compute
  var embeddings: Embeddings
  var relative: RelativeTable?
  /// The norm of the relative positions; a model without these may have it too.
  var relativeNorm: LayerNorm?
  var layers: [EncoderLayer]
  var convolution: ConvolutionLayer?

  /// Loads an encoder's tensors, named as in transformers below `deberta.`.
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

  /// The last layer's hidden states [T, H] of the plan's rows, in the plan's order; prompts count as tokens.
  ///
  /// - Parameters:
  ///   - batch: the rows that the plan's `sources` refer to.
  ///   - plan: made for this encoder.
  ///   - asked: the tokens whose states are requested.
  ///   - pass: the kernels, threads, tape and trace.
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

  /// The base model's hidden states after its first layers, [T, H].
  ///
  /// - Parameters:
  ///   - count: the number of layers, at least 1.
  ///   - batch: the sequences.
  ///   - pass: the kernels, threads, tape and trace.
  public func states(afterLayers count: Int, of batch: Batch, on pass: Pass) -> Tensor {
    let plan = AdapterPlan(base: self, rows: batch.sequences.count)
    let embedded = embeddings(batch, groups(plan, of: batch), on: pass)
    return run(0..<count, from: embedded, batch, plan, .all, on: pass).hidden
  }

  /// Resumes from hidden states x [T, H] after the lowest layers, and returns the last layer's for the plan's rows.
  ///
  /// - Parameters:
  ///   - x: the result of `states(afterLayers:of:on:)` for the batch.
  ///   - count: the number of layers already run; the plan has no hooks in them.
  ///   - plan: which hooks apply to which rows.
  ///   - batch: the sequences.
  ///   - asked: the tokens whose states are requested.
  ///   - pass: the kernels, threads, tape and trace.
  public func callAsFunction(
    _ x: Tensor, afterLayers count: Int, of batch: Batch, _ plan: AdapterPlan, asked: AskedTokens = .all,
    on pass: Pass
  ) -> EncoderOutput {
    precondition(count > 0 && count <= plan.unhookedLayers, "hooks below layer \(count)")
    let tokens = plan.sources.flatMap { Array(batch.tokens(of: $0)) }
    let own = tokens == Array(0..<x.rows) ? x : pass.gather(x, rows: tokens)
    return run(count..<layers.count, from: own, batch.selecting(plan.sources), plan, asked, on: pass)
  }

  /// Runs x [T, H] through a range of layers.
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
      // Nothing is kept below the lowest trained place, so there is nothing to recompute.
      let isPlain = index < plan.unhookedLayers && pass.tape?.tracks(x) != true
      x = isPlain ? body(x, pass) : pass.recomputed(x, body)
      record(x, on: pass)
    }
    return EncoderOutput(hidden: x, lastInput: input, batch: firsts ?? batch)
  }

  /// Whether the last layer can run for the first tokens only: nothing is recorded, and its hooks treat tokens
  /// separately.
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

  /// This encoder with another table of word embeddings [vocabulary, E], sharing everything else.
  public func replacing(words: WeightMatrix) -> Encoder {
    precondition(words.columns == configuration.embeddingSize, "\(words.columns) features of words")
    var encoder = self
    encoder.embeddings.words = words
    encoder.configuration.vocabularySize = words.rows
    return encoder
  }
}
