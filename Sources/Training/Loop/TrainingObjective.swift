public import Tensors

/// What a ``Trainer`` trains: parameters, the loss to minimize, and an evaluation.
///
/// The trainer identifies examples by index. For a run to be reproducible and resumable bit for bit,
/// ``loss(_:epoch:on:)`` must depend only on its arguments and the parameters, and ``batches(epoch:)`` only on its
/// argument: random values are drawn from a seed, the epoch and, for dropout, the pass.
public protocol TrainingObjective {
  /// The trained parameters; the same tensors for the whole run.
  var parameters: [TrainedParameter] { get }

  /// Facts that affect the result in addition to the settings, as readable names and values.
  ///
  /// A run is resumed only if all of them are unchanged: a digest of the data and of the base model, the adapter's
  /// configuration, the seed of the batches.
  var fingerprint: [String: String] { get }

  /// The batches of an epoch (from 0): nonempty lists of example indices.
  func batches(epoch: Int) throws -> [[Int]]

  /// The loss of a batch, recorded on the pass's tape, which watches ``parameters``.
  func loss(_ batch: [Int], epoch: Int, on pass: Pass) throws -> BatchLoss

  /// The lines where examples begin in their file, from 1. Nil if there is no file.
  func lines(of examples: [Int]) -> [Int]?

  /// Evaluates the current parameters; nil if there is no evaluation data.
  func evaluate() throws -> EvaluationResult?
}

extension TrainingObjective {
  public var fingerprint: [String: String] { [:] }
  public func lines(of examples: [Int]) -> [Int]? { nil }
  public func evaluate() throws -> EvaluationResult? { nil }
}

/// The loss of a batch.
public struct BatchLoss {
  /// [1, 1], the mean over the batch's targets.
  public let mean: Tensor
  /// The number of examples, or of labeled tokens.
  ///
  /// A batch with 0 is skipped.
  public let weight: Float
  /// The number of tokens read, for the displayed rate.
  public let tokens: Int

  public init(mean: Tensor, weight: Float, tokens: Int = 0) {
    self.mean = mean
    self.weight = weight
    self.tokens = tokens
  }
}
