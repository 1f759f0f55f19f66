internal import AdapterMethods
internal import Deberta
private import Model
public import Tensors

/// Which layers' adapters are dropped in training.
///
/// Source: Rücklé et al., "AdapterDrop: On the Efficiency of Adapters in Transformers" (2021).
public enum AdapterDrop: Sendable, Hashable {
  /// No adapters are dropped.
  case none
  /// Drops the adapters of this many lowest layers.
  case fixed(Int)
  /// Drops a random number of lowest layers for every batch, from 0 to this one.
  case random(upTo: Int)
}

/// The settings for batches, loss and masking.
public struct ObjectiveSettings: Sendable, Hashable {
  public var batchSize: BatchSampler.Size
  /// Seeds the shuffling and masking of examples.
  public var seed: UInt64
  public var loss: CrossEntropyOptions
  public var adapterDrop: AdapterDrop
  /// Whether to keep only the activations between layers for the backward pass, and recompute the rest.
  public var recomputes: Bool
  /// The fraction of tokens to mask, for masked language models.
  public var maskingRate: Double

  public init(
    batchSize: BatchSampler.Size = .tokens(4096), seed: UInt64 = 0, loss: CrossEntropyOptions = CrossEntropyOptions(),
    adapterDrop: AdapterDrop = .none, recomputes: Bool = false, maskingRate: Double = 0.15
  ) {
    self.batchSize = batchSize
    self.seed = seed
    self.loss = loss
    self.adapterDrop = adapterDrop
    self.recomputes = recomputes
    self.maskingRate = maskingRate
  }
}

/// A model with its training and evaluation data.
///
/// With a prefix cache, the layers below the lowest adapter run once per example, without dropout, and only the others
/// in every epoch.
public final class ModelObjective: TrainingObjective {
  private let model: TrainableModel
  private let heads: [String]
  private let examples: [TrainingExample]
  private let lines: [Int]
  private let sampler: BatchSampler
  private let settings: ObjectiveSettings
  private let masking: TokenMasking?
  private let cache: PrefixCache?
  private let evaluator: ModelEvaluator?
  public let fingerprint: [String: String]

  /// - Parameters:
  ///   - model: the model to train.
  ///   - heads: the heads whose losses are used; several if the setup is Parallel.
  ///   - data: the examples.
  ///   - masking: for masked language models.
  ///   - settings: batches, loss and dropped layers.
  ///   - cache: caches the states below the lowest adapter; nil recomputes them.
  ///   - evaluator: evaluates the parameters.
  ///   - fingerprint: facts that affect the result.
  public init(
    _ model: TrainableModel, heads: [String], _ data: TrainingDataset, masking: TokenMasking? = nil,
    settings: ObjectiveSettings, cache: PrefixCache? = nil, evaluator: ModelEvaluator? = nil,
    fingerprint: [String: String] = [:]
  ) {
    self.model = model
    self.heads = heads
    self.settings = settings
    self.masking = masking
    self.cache = cache
    self.evaluator = evaluator
    self.fingerprint = fingerprint
    examples = data.examples
    lines = data.lines
    sampler = BatchSampler(data, size: settings.batchSize, seed: settings.seed)
  }

  public var parameters: [TrainedParameter] { model.parameters }

  public func batches(epoch: Int) -> [[Int]] { sampler.batches(epoch: epoch) }

  public func lines(of examples: [Int]) -> [Int]? { examples.map { lines[$0] } }

  public func loss(_ batch: [Int], epoch: Int, on pass: Pass) throws -> BatchLoss {
    let own = batch.map { index in
      masking.map { $0.masked(examples[index], epoch: epoch, index: index) } ?? examples[index]
    }
    let pass = settings.recomputes ? pass.recomputing : pass
    let targets = own.map(\.target)
    let bound = try model.bound(on: pass, skippingLayersBelow: skippedLayers(batch, epoch))
    let sequences = Batch(own)
    let output = try bound(
      sequences, .composition(model.setup), heads: heads, answering: AnsweredTokens(targets), states: .first,
      from: cache?.states(of: batch, sequences, bound.encoder), on: pass)
    let (loss, weight) = try output.loss(targets, settings.loss, on: pass)
    let whole = model.regularization(on: pass).map { pass.weightedSum([(loss, 1), ($0, 1)]) } ?? loss
    return BatchLoss(mean: whole, weight: weight, tokens: own.reduce(0) { $0 + $1.tokenCount })
  }

  public func evaluate() throws -> EvaluationResult? {
    guard let evaluator else { return nil }
    return try evaluator.evaluate(model.bound(on: Pass(model.compute)), model.setup, heads: heads).first
  }

  /// The number of dropped layers; equal for equal batches of an epoch.
  private func skippedLayers(_ batch: [Int], _ epoch: Int) -> Int {
    switch settings.adapterDrop {
    case .none: return 0
    case .fixed(let count): return count
    case .random(let most):
      var random = RandomNumbers(seed: settings.seed, epoch: epoch, index: batch[0])
      return random.below(most + 1)
    }
  }
}

extension Batch {
  /// The sequences of all examples, concatenated.
  init(_ examples: [TrainingExample]) {
    let sequences = examples.flatMap(\.sequences)
    self.init(sequences.map(\.ids), tokenTypes: sequences.map { $0.tokenTypes })
  }
}
