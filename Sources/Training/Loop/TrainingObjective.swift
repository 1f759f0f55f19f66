public import Tensors

/// What a ``Trainer`` works on: parameters, the loss that they are to make small, and how they are evaluated.
///
/// Examples are known to the trainer by their indices only. For a run that
/// repeats and resumes bit for bit, ``loss(_:epoch:on:)`` depends on nothing
/// but its arguments and the parameters, and ``batches(epoch:)`` on nothing
/// but its argument: what is drawn by chance is drawn from a seed, the epoch
/// and, for dropout, what the pass carries.
public protocol TrainingObjective {
  /// What is trained; the same tensors for the whole run.
  var parameters: [TrainedParameter] { get }

  /// Facts that the result depends on besides the settings, name and value as people read them.
  ///
  /// A run is resumed only where all of them are as they were: a digest of
  /// the data and of the base model, the adapter's configuration, the seed
  /// of the batches.
  var fingerprint: [String: String] { get }

  /// The batches of an epoch (from 0): each the indices of its examples, none of them empty.
  func batches(epoch: Int) throws -> [[Int]]

  /// The loss of a batch, recorded on the pass's tape, which watches ``parameters``.
  func loss(_ batch: [Int], epoch: Int, on pass: Pass) throws -> BatchLoss

  /// Where examples begin in the file that they come from; the first line is 1. Nil if there is no file.
  func lines(of examples: [Int]) -> [Int]?

  /// Evaluates the parameters as they are now; nil if there is no data to evaluate them on.
  func evaluate() throws -> EvaluationResult?
}

extension TrainingObjective {
  public var fingerprint: [String: String] { [:] }
  public func lines(of examples: [Int]) -> [Int]? { nil }
  public func evaluate() throws -> EvaluationResult? { nil }
}

/// The loss of a batch.
public struct BatchLoss {
  /// [1, 1], the mean over what counts in the batch.
  public let mean: Tensor
  /// How much counts: the number of examples, or of labelled tokens. With 0 the batch is passed over.
  public let weight: Float
  /// The tokens that were read, for the rate that people see.
  public let tokens: Int

  public init(mean: Tensor, weight: Float, tokens: Int = 0) {
    self.mean = mean
    self.weight = weight
    self.tokens = tokens
  }
}
