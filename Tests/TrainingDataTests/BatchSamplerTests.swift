import Testing

@testable import Training

@Suite struct BatchSamplerTests {
  /// Lengths from 1 to 100, in an order of their own.
  private let lengths = (0..<1000).map { $0 * 37 % 100 + 1 }

  @Test(arguments: [BatchSampler.Size.tokens(256), .examples(16)], [1, 5, 100])
  func `Every example is in one batch of an epoch`(_ size: BatchSampler.Size, _ window: Int) {
    let sampler = BatchSampler(lengths: lengths, size: size, seed: 1, windowBatches: window)
    for epoch in 0..<3 { #expect(sampler.batches(epoch: epoch).joined().sorted() == Array(0..<1000)) }
    #expect(sampler.evaluationBatches().joined().sorted() == Array(0..<1000))
  }

  @Test func `The order differs by seed and epoch, and by nothing else`() {
    func batches(_ seed: UInt64, _ epoch: Int) -> [[Int]] {
      BatchSampler(lengths: lengths, size: .tokens(256), seed: seed).batches(epoch: epoch)
    }
    #expect(batches(1, 0) == batches(1, 0))
    #expect(batches(1, 0) != batches(1, 1))
    #expect(batches(1, 0) != batches(2, 0))
    #expect(batches(1, 2) != batches(2, 1))
  }

  @Test func `No batch has more tokens than its budget, and few have much fewer`() {
    let batches = BatchSampler(lengths: lengths, size: .tokens(400), seed: 1, windowBatches: 20).batches(epoch: 0)
    let tokens = batches.map { $0.reduce(0) { $0 + lengths[$1] } }
    #expect(tokens.allSatisfy { $0 <= 400 })
    // All lengths sum to 50,500 tokens: 126.25 full batches.
    #expect(batches.count < 150)
  }

  @Test func `A window is cut into batches of one size, but for the last`() {
    let batches = BatchSampler(lengths: lengths, size: .examples(16), seed: 1).batches(epoch: 0)
    #expect(batches.map(\.count).sorted() == [8] + Array(repeating: 16, count: 62))
  }

  @Test func `An example beyond the budget is a batch of its own`() {
    let sampler = BatchSampler(lengths: [3, 50, 4, 3], size: .tokens(10), seed: 1)
    #expect(sampler.batches(epoch: 0).contains([1]))
    #expect(sampler.evaluationBatches() == [[1], [2, 0, 3]])
  }

  @Test func `The rows of a batch are of similar length, which chance does not make`() {
    func spread(_ batches: [[Int]]) -> Int {
      batches.reduce(0) { sum, batch in
        let own = batch.map { lengths[$0] }
        return sum + (own.max() ?? 0) - (own.min() ?? 0)
      }
    }
    let chance = BatchSampler(lengths: Array(repeating: 1, count: 1000), size: .examples(16), seed: 1)
    let sampler = BatchSampler(lengths: lengths, size: .examples(16), seed: 1)
    #expect(spread(chance.batches(epoch: 0)) > 63 * 60)
    #expect(spread(sampler.batches(epoch: 0)) < 63 * 3)
  }

  @Test func `The batches of an epoch do not come in the order of their lengths`() {
    let batches = BatchSampler(lengths: lengths, size: .examples(16), seed: 1).batches(epoch: 0)
    let firsts = batches.map { lengths[$0[0]] }
    #expect(firsts != firsts.sorted() && firsts != firsts.sorted(by: >))
  }

  @Test func `Results come back in the order of the examples`() {
    let batches = BatchSampler(lengths: lengths, size: .tokens(100), seed: 1).evaluationBatches()
    #expect(batches[0] != [0])
    let results = batches.map { batch in batch.map { "\($0)" } }
    #expect(BatchSampler.inOrder(results, of: batches) == (0..<1000).map { "\($0)" })
  }

  @Test func `No examples make no batches`() {
    let sampler = BatchSampler(lengths: [], size: .tokens(10), seed: 1)
    #expect(sampler.batches(epoch: 0).isEmpty && sampler.evaluationBatches().isEmpty)
  }
}
