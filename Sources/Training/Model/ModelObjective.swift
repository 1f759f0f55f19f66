internal import AdapterMethods
internal import Deberta
private import Model
public import Tensors

/// Which layers of adapters are left out while they are trained.
///
/// Source: Rücklé et al., "AdapterDrop: On the Efficiency of Adapters in Transformers" (2021).
public enum AdapterDrop: Sendable, Hashable {
  /// Adapters act in all layers.
  case none
  /// They do not act in so many lowest layers.
  case fixed(Int)
  /// For every batch another number of lowest layers, from 0 to this one.
  case random(upTo: Int)
}

/// What the labels of examples count, and how the examples are seen.
public struct ObjectiveSettings: Sendable, Hashable {
  public var batchSize: BatchSampler.Size
  /// Shuffles and masks the examples.
  public var seed: UInt64
  public var loss: CrossEntropyOptions
  public var adapterDrop: AdapterDrop
  /// Whether activations between the layers alone are kept for the backward pass.
  public var recomputes: Bool
  /// The share of tokens that are masked, for masked language models.
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

/// A model and the data that it is trained and evaluated with.
///
/// With a prefix cache the layers below the lowest adapter are run once for
/// each example, without dropout, and only the others in every epoch.
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
  ///   - model: what is trained.
  ///   - heads: whose losses count; several where the setup is Parallel.
  ///   - data: the examples.
  ///   - masking: for masked language models.
  ///   - settings: batches, loss and what is left out.
  ///   - cache: where the states below the lowest adapter are kept; nil computes them every time.
  ///   - evaluator: measures the parameters.
  ///   - fingerprint: facts that the result depends on.
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

  /// The same for a batch of the same examples in the same epoch.
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
  /// The sequences of examples, one after the other.
  init(_ examples: [TrainingExample]) {
    let sequences = examples.flatMap(\.sequences)
    self.init(sequences.map(\.ids), tokenTypes: sequences.map { $0.tokenTypes })
  }
}
