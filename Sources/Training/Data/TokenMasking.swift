internal import Tensors
public import Tokenization

/// Masks tokens for masked language model training.
///
/// A fraction of the tokens other than special ones is selected: rate · n, rounded up or down at random to preserve the
/// mean, and at least one. Of these, 80 % become `[MASK]`, 10 % a random piece, and 10 % are unchanged.
///
/// The selection depends only on the seed, the epoch and the example's index.
///
/// Source: Devlin et al., "BERT" (2019), section 3.1.
public struct TokenMasking: Sendable {
  public let rate: Double
  public let seed: UInt64
  private let mask: Int32
  private let specials: Set<Int32>
  private let vocabularySize: Int32

  /// - Throws: ``DatasetError/noMaskToken``.
  public init(_ tokenizer: any Tokenizer, rate: Double = 0.15, seed: UInt64) throws(DatasetError) {
    guard let mask = tokenizer.maskID else { throw .noMaskToken }
    let specials: Set = [tokenizer.clsID, tokenizer.sepID, tokenizer.padID, tokenizer.unkID, mask]
    self.init(
      mask: mask, specials: specials, vocabularySize: Int32(tokenizer.vocabularySize), rate: rate, seed: seed)
  }

  init(mask: Int32, specials: Set<Int32>, vocabularySize: Int32, rate: Double, seed: UInt64) {
    precondition((0...1).contains(rate), "a share of the tokens is masked, not \(rate)")
    precondition((0..<vocabularySize).contains { !specials.contains($0) }, "all tokens are special")
    self.mask = mask
    self.specials = specials
    self.vocabularySize = vocabularySize
    self.rate = rate
    self.seed = seed
  }

  /// The example with masked tokens; its target contains the original ones.
  ///
  /// - Parameters:
  ///   - epoch: the number of previous passes over the examples.
  ///   - index: the example's index in its data set.
  ///   - example: the example to mask.
  public func masked(_ example: TrainingExample, epoch: Int, index: Int) -> TrainingExample {
    var random = RandomNumbers(seed: seed, epoch: epoch, index: index)
    var sequences = example.sequences
    var targets: [Int32] = []
    for (place, sequence) in sequences.enumerated() {
      targets += mask(&sequences[place].ids, sequence.ids, &random)
    }
    return TrainingExample(sequences: sequences, target: .tokens(targets))
  }

  private func mask(_ ids: inout [Int32], _ originals: [Int32], _ random: inout RandomNumbers) -> [Int32] {
    var targets = [Int32](repeating: Target.notCounted, count: ids.count)
    var candidates = originals.indices.filter { !specials.contains(originals[$0]) }
    guard !candidates.isEmpty else { return targets }
    let wanted = Int(rate * Double(candidates.count) + Double(random.uniform()))
    for place in 0..<min(max(wanted, 1), candidates.count) {
      candidates.swapAt(place, place + random.below(candidates.count - place))
      let token = candidates[place]
      targets[token] = originals[token]
      switch random.uniform() {
      case ..<0.8: ids[token] = mask
      case ..<0.9: ids[token] = randomPiece(&random)
      default: break
      }
    }
    return targets
  }

  private func randomPiece(_ random: inout RandomNumbers) -> Int32 {
    while true {
      let id = Int32(random.below(Int(vocabularySize)))
      if !specials.contains(id) { return id }
    }
  }
}
