import Testing
import Tokenization

@testable import Training

@Suite struct MaskingTests {
  private let example = TrainingExample(
    sequences: [
      TokenSequence(
        ids: [1] + (0..<998).map { 10 + Int32($0 % 90) } + [2], tokenTypes: Array(repeating: 0, count: 1000))
    ],
    target: .tokens(Array(repeating: -100, count: 1000)))

  private func masking(rate: Double = 0.15, seed: UInt64 = 1) -> TokenMasking {
    TokenMasking(mask: 100, specials: [0, 1, 2, 3, 100], vocabularySize: 101, rate: rate, seed: seed)
  }

  private func targets(_ example: TrainingExample) -> [Int32] {
    if case .tokens(let targets) = example.target { targets } else { [] }
  }

  @Test func `Masks differ by seed, epoch and example, and by nothing else`() {
    let masked = masking().masked(example, epoch: 3, index: 5)
    #expect(masked != example)
    #expect(masked == masking().masked(example, epoch: 3, index: 5))
    #expect(masked != masking(seed: 2).masked(example, epoch: 3, index: 5))
    #expect(masked != masking().masked(example, epoch: 4, index: 5))
    #expect(masked != masking().masked(example, epoch: 3, index: 6))
    #expect(masked != masking().masked(example, epoch: 5, index: 3))
  }

  @Test func `Targets hold what was there, and other tokens stay`() {
    let original = example.sequences[0].ids
    let masked = masking().masked(example, epoch: 0, index: 0)
    let ids = masked.sequences[0].ids
    for (token, target) in targets(masked).enumerated() {
      if target == Target.notCounted {
        #expect(ids[token] == original[token])
      } else {
        #expect(target == original[token])
      }
    }
    #expect((ids.first, ids.last) == (1, 2))
    #expect(masked.sequences[0].tokenTypes == example.sequences[0].tokenTypes)
  }

  /// Of 100 · 998 tokens 15 % are chosen; a share of 80 % of n deviates by √(0.16 / n), here 0.0033.
  @Test func `Fifteen percent are chosen, of which eighty are masked, ten random and ten kept`() {
    var (chosen, masks, kept) = (0, 0, 0)
    for index in 0..<100 {
      let masked = masking().masked(example, epoch: 0, index: index)
      for (token, target) in targets(masked).enumerated() where target != Target.notCounted {
        chosen += 1
        masks += masked.sequences[0].ids[token] == 100 ? 1 : 0
        kept += masked.sequences[0].ids[token] == target ? 1 : 0
        #expect(![0, 1, 2, 3].contains(masked.sequences[0].ids[token]))
      }
    }
    #expect(abs(Double(chosen) / 99_800 - 0.15) < 0.001)
    #expect(abs(Double(masks) / Double(chosen) - 0.8) < 0.015)
    #expect(abs(Double(kept) / Double(chosen) - 0.1) < 0.012)
  }

  @Test func `At least one token is chosen, if there is one that is no special`() {
    let short = TrainingExample(
      sequences: [TokenSequence(ids: [1, 50, 2], tokenTypes: [0, 0, 0])], target: .tokens([-100, -100, -100]))
    let empty = TrainingExample(
      sequences: [TokenSequence(ids: [1, 3, 2], tokenTypes: [0, 0, 0])], target: .tokens([-100, -100, -100]))
    for index in 0..<20 {
      #expect(targets(masking().masked(short, epoch: 0, index: index)) == [-100, 50, -100])
      #expect(masking().masked(empty, epoch: 0, index: index) == empty)
    }
  }

  @Test func `The shipped tokenizer can mask`() throws {
    let tokenizer = try shippedTokenizer.get()
    let sequence = TokenSequence(try tokenizer.encode("a small library for reading and writing files"))
    let example = TrainingExample(
      sequences: [sequence], target: .tokens(Array(repeating: -100, count: sequence.ids.count)))
    let masked = try TokenMasking(tokenizer, rate: 1, seed: 1).masked(example, epoch: 0, index: 0)
    #expect(targets(masked) == [-100] + sequence.ids.dropFirst().dropLast() + [-100])
    #expect(masked.sequences[0].ids.contains(8000))
  }
}
