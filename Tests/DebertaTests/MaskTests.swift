import AdapterHost
import Deberta
import TestSupport
import Testing

@Suite struct MaskTests {
  /// Which tokens see each other, as rows.
  private func pairs(_ length: Int, _ sees: (Int, Int) -> Bool) -> [[Int]] {
    (0..<length).map { query in (0..<length).map { sees(query, $0) ? 1 : 0 } }
  }

  @Test(arguments: bases)
  func aMaskOfOnesIsNoMaskBitForBit(_ base: String) throws {
    let model = try TinyModel.load(base)
    let ids = ids(23)
    let plain = try model.values([ids], .all)
    expectClose(try model.values([ids], .tokens([ids.map { _ in 1 }]))[0], plain[0], .exact)
    expectClose(try model.values([ids], .pairs([pairs(23) { _, _ in true }]))[0], plain[0], .exact)
    expectFarOff(try model.values([ids], .pairs([pairs(23) { $0 >= $1 }]))[0], plain[0])
  }

  /// The tokens that are left keep their positions: hidden from each other in pairs, the same tokens say the same.
  @Test(arguments: relativeBases + ["abs", "norel"], [23, 40])
  func tokensBesideHolesKeepTheirPositions(_ base: String, _ length: Int) throws {
    let model = try TinyModel.load(base)
    let ids = ids(length)
    // Holes of one and of several tokens, in front too.
    let mask = (0..<length).map { [0, 4, 9, 10, 11, 12, 17].contains($0) ? 0 : 1 }
    let kept = mask.indices.filter { mask[$0] == 1 }
    let holes = try model.values([ids], .tokens([mask]))[0]
    // Tokens in holes see only themselves, and are there.
    let hidden = try model.values([ids], .pairs([pairs(length) { $0 == $1 || mask[$0] + mask[$1] == 2 }]))[0]
    expectClose(holes, tokens(hidden, kept), .model)
    // Negative control: the same tokens one after the other are another text, where positions count.
    let closedUp = try model.values(kept.map { Int32(ids[$0]) })
    expectFarOff(closedUp, holes)
  }

  /// A mask of pairs leaves a token out that sees nothing and is not seen.
  @Test(arguments: bases)
  func aMaskOfPairsFromAMaskOfTokensIsThatMask(_ base: String) throws {
    let model = try TinyModel.load(base)
    let ids = ids(23)
    let mask = (0..<23).map { $0 % 5 == 3 || $0 > 19 ? 0 : 1 }
    let holes = try model.values([ids], .tokens([mask]))[0]
    #expect(holes.count == mask.reduce(0, +) * 48)
    expectClose(
      try model.values([ids], .pairs([pairs(23) { mask[$0] * mask[$1] == 1 }]))[0], holes, .exact)
  }

  /// Two texts in one row that do not see each other: the distances within each are its own.
  @Test(arguments: relativeBases)
  func aBlockDiagonalMaskKeepsTwoTextsApart(_ base: String) throws {
    let model = try TinyModel.load(base)
    let (first, second) = (ids(9, seed: 1), ids(17, seed: 2))
    let joined = first + second
    let apart = try model.values([joined], .pairs([pairs(26) { ($0 < 9) == ($1 < 9) }]))[0]
    expectClose(tokens(apart, 0..<9), try model.values(first.map(Int32.init)), .model)
    expectClose(tokens(apart, 9..<26), try model.values(second.map(Int32.init)), .model)
    let together = try model.values([joined], .all)[0]
    expectFarOff(together, apart)
  }

  @Test(arguments: ["abs", "v2conv"])
  func absolutePositionsAndNeighboursShowThroughABlockDiagonalMask(_ base: String) throws {
    let model = try TinyModel.load(base)
    let (first, second) = (ids(9, seed: 1), ids(17, seed: 2))
    let apart = try model.values([first + second], .pairs([pairs(26) { ($0 < 9) == ($1 < 9) }]))[0]
    expectFarOff(tokens(apart, 9..<26), try model.values(second.map(Int32.init)))
  }

  /// Under a mask that looks back alone, what comes later changes no bit.
  @Test(arguments: relativeBases + ["abs", "norel"])
  func aTokenDependsOnWhatItSeesAlone(_ base: String) throws {
    let model = try TinyModel.load(base)
    let text = ids(31)
    let other = Array(text[..<20]) + ids(11, seed: 9)
    let mask = PaddedInput.Mask.pairs([pairs(31) { $0 >= $1 }])
    let (one, two) = (try model.values([text], mask)[0], try model.values([other], mask)[0])
    expectClose(tokens(two, 0..<20), tokens(one, 0..<20), .exact)
    expectFarOff(tokens(two, 20..<31), tokens(one, 20..<31))
    // Negative control: without the mask it does.
    expectFarOff(
      tokens(try model.values([other], .all)[0], 0..<20), tokens(try model.values([text], .all)[0], 0..<20))
  }

  @Test(arguments: relativeBases + ["norel"])
  func paddingInFrontIsPaddingToo(_ base: String) throws {
    let model = try TinyModel.load(base)
    let text = ids(13)
    let padded = try model.values(
      [Array(repeating: 0, count: 6) + text], .tokens([Array(repeating: 0, count: 6) + text.map { _ in 1 }]))[0]
    if base == "norel" {
      // Its absolute positions have moved.
      expectFarOff(padded, try model.values(text.map(Int32.init)))
    } else {
      expectClose(padded, try model.values(text.map(Int32.init)), .model)
    }
  }

  @Test func maskAndTypesOfAnotherShapeAreRefusedByName() throws {
    let shape = try TinyModel.shape()
    func refusal(_ ids: [[Int]], _ mask: PaddedInput.Mask = .all, types: [[Int]]? = nil) throws -> String {
      let error = try #require(throws: InputError.self) {
        try PaddedInput(ids: ids, mask: mask, tokenTypes: types, shape)
      }
      return error.description
    }
    #expect(try refusal([[1, 2], [3]]).contains("'input_ids'"))
    #expect(try refusal([[1, 97]]).contains("97 at row 0, column 1"))
    #expect(try refusal([[1, 2], [-1, 2]]).contains("-1 at row 1, column 0"))
    #expect(try refusal([[1, 2]], .tokens([[1]])).contains("'attention_mask'"))
    #expect(try refusal([[1, 2]], .tokens([[1, 2]])).contains("'attention_mask' holds 2"))
    #expect(try refusal([[1, 2]], .tokens([[1, 1], [1, 1]])).contains("'attention_mask'"))
    #expect(try refusal([[1, 2]], .pairs([[[1, 1]]])).contains("'attention_mask'"))
    #expect(try refusal([[1, 2]], .pairs([[[1, 1], [1]]])).contains("'attention_mask'"))
    #expect(try refusal([[1, 2]], types: [[0]]).contains("'token_type_ids'"))
    #expect(try refusal([[1, 2]], types: [[0, 1]]).contains("'token_type_ids' holds 1"))
  }
}
