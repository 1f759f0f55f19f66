internal import Tensors

/// Groups examples of similar length into batches, in a reproducible random order.
///
/// In each epoch the examples are shuffled and divided into windows of a few hundred batches; each window is sorted by
/// length and divided into batches; then the batches are shuffled. Rows of a batch have similar lengths, and the order
/// of the data does not matter. Every example occurs once per epoch.
///
/// ```swift
/// let sampler = BatchSampler(dataset, size: .tokens(4096), seed: 1)
/// for batch in sampler.batches(epoch: 0) {
///   let examples = batch.map { dataset.examples[$0] }
/// }
/// ```
public struct BatchSampler: Sendable {
  /// The size of a batch.
  public enum Size: Sendable, Hashable {
    /// A maximum number of tokens; a longer example forms its own batch.
    case tokens(Int)
    /// A number of examples; the last batch of a window may have fewer.
    case examples(Int)
  }

  /// The length of each example in tokens.
  public let lengths: [Int]
  public let size: Size
  public let seed: UInt64
  /// The approximate number of batches sorted together.
  public let windowBatches: Int

  public init(lengths: [Int], size: Size, seed: UInt64, windowBatches: Int = 100) {
    let limit =
      switch size {
      case .tokens(let count), .examples(let count): count
      }
    precondition(limit > 0 && windowBatches > 0, "batches of \(limit) in windows of \(windowBatches)")
    self.lengths = lengths
    self.size = size
    self.seed = seed
    self.windowBatches = windowBatches
  }

  public init(_ dataset: TrainingDataset, size: Size, seed: UInt64, windowBatches: Int = 100) {
    self.init(lengths: dataset.examples.map(\.tokenCount), size: size, seed: seed, windowBatches: windowBatches)
  }

  /// The batches of an epoch, as lists of example indices.
  ///
  /// Their number may vary between epochs, because of remainders of windows.
  /// - Complexity: O(n log n), with n examples.
  public func batches(epoch: Int) -> [[Int]] {
    var random = RandomNumbers(seed: seed, epoch: epoch)
    let order = random.shuffled(Array(lengths.indices))
    let windowSize: Size =
      switch size {
      case .tokens(let count): .tokens(count.multiplied(by: windowBatches))
      case .examples(let count): .examples(count.multiplied(by: windowBatches))
      }
    return random.shuffled(cut(order, windowSize).flatMap { cut(sorted($0), size) })
  }

  /// The batches for evaluation: all examples, longest first.
  public func evaluationBatches() -> [[Int]] { cut(sorted(Array(lengths.indices)), size) }

  /// The results of batches in the order of the examples.
  ///
  /// - Parameters:
  ///   - results: for each batch, one result per example.
  ///   - batches: all examples, each once.
  public static func inOrder<Result>(_ results: [[Result]], of batches: [[Int]]) -> [Result] {
    precondition(results.map(\.count) == batches.map(\.count), "a result for each example of each batch")
    let pairs = zip(batches.joined(), results.joined()).sorted { $0.0 < $1.0 }
    precondition(pairs.map(\.0) == Array(pairs.indices), "every example must be in one batch")
    return pairs.map(\.1)
  }

  /// Longest first; a stable sort.
  private func sorted(_ examples: [Int]) -> [Int] {
    examples.enumerated()
      .sorted { (-lengths[$0.element], $0.offset) < (-lengths[$1.element], $1.offset) }
      .map(\.element)
  }

  /// Runs of examples up to the batch size.
  private func cut(_ examples: [Int], _ size: Size) -> [[Int]] {
    var runs: [[Int]] = []
    var run: [Int] = []
    var tokens = 0
    for example in examples {
      let isFull =
        switch size {
        case .tokens(let limit): !run.isEmpty && tokens + lengths[example] > limit
        case .examples(let limit): run.count == limit
        }
      if isFull {
        runs.append(run)
        run = []
        tokens = 0
      }
      run.append(example)
      tokens += lengths[example]
    }
    return run.isEmpty ? runs : runs + [run]
  }
}

extension Int {
  /// The product, or the maximum value on overflow.
  fileprivate func multiplied(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
