internal import Glibc

/// Masked token prediction results, accumulated over batches.
public struct LanguageModelScore: Sendable, Hashable {
  /// The sum of the tokens' cross entropies, in nats.
  public private(set) var loss: Double
  /// The number of tokens whose most likely piece is correct.
  public private(set) var correct: Int
  /// The number of masked tokens.
  public private(set) var count: Int

  public init(loss: Double = 0, correct: Int = 0, count: Int = 0) {
    self.loss = loss
    self.correct = correct
    self.count = count
  }

  /// Adds a batch: the sum of its cross entropies, the correct tokens, and all masked ones.
  public mutating func add(loss: Double, correct: Int, count: Int) {
    self.loss += loss
    self.correct += correct
    self.count += count
  }

  /// The mean cross entropy; NaN without tokens.
  public var meanLoss: Double { loss / Double(count) }

  public var accuracy: Double { Double(correct) / Double(count) }

  /// e to the power of the mean cross entropy.
  public var perplexity: Double { exp(meanLoss) }
}
