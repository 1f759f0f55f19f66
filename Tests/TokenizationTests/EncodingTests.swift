import Foundation
import Testing
import Tokenization

@Suite struct EncodingTests {
  private let tokenizer: DebertaV2Tokenizer
  private let fast: DebertaV2Tokenizer

  init() throws {
    tokenizer = try Fixtures.slow.get()
    fast = try Fixtures.fast.get()
  }

  @Test func aTextStandsBetweenClsAndSep() throws {
    let encoding = try tokenizer.encode("the unicode")
    #expect(encoding.ids.first == tokenizer.clsID && encoding.ids.last == tokenizer.sepID)
    #expect(encoding.tokens == ["[CLS]", "▁the", "▁", "unicode", "[SEP]"])
    #expect(encoding.offsets == [0..<0, 0..<3, 4..<4, 4..<11, 0..<0])
    #expect(encoding.words == [nil, 0, 1, 1, nil])
    #expect(encoding.sequence == [nil, 0, 0, 0, nil])
    #expect(encoding.tokenTypeIDs == [0, 0, 0, 0, 0])
    #expect(encoding.truncatedTokens == 0)
  }

  @Test func aPairHasTypeOneAndOffsetsOfItsOwn() throws {
    let encoding = try tokenizer.encode("the", pair: "a the")
    #expect(encoding.tokens == ["[CLS]", "▁the", "[SEP]", "▁a", "▁the", "[SEP]"])
    #expect(encoding.tokenTypeIDs == [0, 0, 0, 1, 1, 1])
    #expect(encoding.sequence == [nil, 0, nil, 1, 1, nil])
    #expect(encoding.offsets == [0..<0, 0..<3, 0..<0, 0..<1, 2..<5, 0..<0])
    #expect(encoding.words == [nil, 0, nil, 0, 1, nil])
    #expect(encoding.wordCounts == [1, 2])
  }

  /// U+FDFA is written out as eighteen letters.
  @Test func aTextThatGrowsIsReadAsFarAsItsLengthAllows() throws {
    let text = String(repeating: "\u{FDFA}", count: 250_000)
    for tokenizer in [tokenizer, fast] {
      let start = try tokenizer.encode(String(text.unicodeScalars.prefix(400).map(Character.init)), maximumLength: 24)
      let whole = try tokenizer.encode(text, maximumLength: 24)
      #expect(whole.ids.count == 24 && whole.ids == start.ids && whole.offsets == start.offsets)
      #expect(whole.truncatedTokens > start.truncatedTokens)
      let error = #expect(throws: TokenizerError.self) { try tokenizer.encode(text) }
      #expect(error == .normalizedTooLong(byteCount: 750_000, limit: 2_250_000 + (4 << 20)))
      let others = String(repeating: "ｱ é 日 ", count: 60_000)
      #expect(try tokenizer.encode(others).truncatedTokens == 0)
    }
  }

  @Test func offsetsCountScalarsNotBytesOrGraphemes() throws {
    let text = "é e\u{301} 👍🏽 the"
    #expect(text.count == 9 && text.unicodeScalars.count == 11 && text.utf8.count > 11)
    for tokenizer in [tokenizer, fast] {
      let encoding = try tokenizer.encode(text)
      let last = try #require(encoding.tokens.firstIndex(of: "▁the"))
      #expect(encoding.offsets[last] == 8..<11)
    }
  }

  @Test func everyBytePieceNamesItsWholeCharacter() throws {
    let encoding = try tokenizer.encode("a宋b")
    #expect(encoding.tokens.contains("<0xE5>"))
    for (token, range) in zip(encoding.tokens, encoding.offsets) where token.hasPrefix("<0x") {
      #expect(range == 1..<2)
    }
    #expect(try fast.encode("a宋b").tokens.contains("[UNK]"))
  }

  @Test func offsetsLeaveOutAllKindsOfSpace() throws {
    for space in [" ", "   ", "\n", "\t ", "\u{A0}", "\u{3000}", "\u{200B}", "\u{2581}", "\r\n"] {
      let text = "the" + space + "the"
      let start = text.unicodeScalars.count - 3
      for tokenizer in [tokenizer, fast] {
        #expect(try tokenizer.encode(text).offsets.suffix(2).first == start..<start + 3, "\(space.debugDescription)")
      }
    }
  }

  @Test func aCharacterThatBecomesSeveralIsNamedByEachOfTheirPieces() throws {
    let encoding = try tokenizer.encode("㍿")  // normalises to four characters, of three bytes each
    #expect(encoding.ids.count == 2 + 1 + 12)
    #expect(encoding.offsets.dropFirst(2).dropLast().allSatisfy { $0 == 0..<1 })
  }

  @Test func piecesOfPlainTextAreTheTextAtTheirOffsets() throws {
    let text = "It is a truth universally acknowledged, that III single-minded men aaaaaaa -------"
    for tokenizer in [tokenizer, fast] {
      let encoding = try tokenizer.encode(text)
      for (token, range) in zip(encoding.tokens, encoding.offsets).dropFirst().dropLast() {
        #expect(text.scalars(range) == token.replacingOccurrences(of: "▁", with: ""))
      }
    }
  }

  @Test(arguments: TokenizerVariant.allCases)
  func offsetsOfEveryRecordedTextAreOrderedAndInside(_ variant: TokenizerVariant) throws {
    let tokenizer = variant == .slow ? tokenizer : fast
    for line in try ReferenceTests.lines("plain") where line.pair == nil {
      let encoding = try tokenizer.encode(line.text)
      let inner = encoding.offsets.dropFirst().dropLast()
      #expect(zip(inner, inner.dropFirst()).allSatisfy { $0.lowerBound <= $1.lowerBound })
      #expect(inner.allSatisfy { $0.upperBound <= line.text.unicodeScalars.count })
      // The scalars that no piece names normalise to spaces or to nothing.
      var isNamed = Set<Int>()
      for range in inner { isNamed.formUnion(range) }
      for (index, scalar) in line.text.unicodeScalars.enumerated() where !isNamed.contains(index) {
        let vanishes =
          scalar.properties.isWhitespace || scalar.value < 0x20 || scalar.value == 0x7F
          || [0x200B, 0x200E, 0x200F, 0xFEFF, 0xFFFD, 0x2581].contains(scalar.value)
        #expect(vanishes, "\(line.text.debugDescription) at \(index)")
      }
    }
  }

  @Test func anAddedTokenInTheTextHasOffsetsAndAWord() throws {
    let encoding = try tokenizer.encode("the [MASK] the")
    let mask = try #require(encoding.tokens.firstIndex(of: "[MASK]"))
    #expect(encoding.ids[mask] == tokenizer.maskID)
    #expect(encoding.offsets[mask] == 4..<10)
    #expect(encoding.words[mask] == 1 && encoding.sequence[mask] == 0)
  }

  @Test func lowerCasingKeepsOffsetsIntoTheOriginal() throws {
    let lower = try Fixtures.tokenizer(settings: #"{"do_lower_case": true}"#)
    let text = "İİ THE"  // each İ becomes two scalars
    #expect(try tokenizer.encode(text).tokens.contains("▁the") == false)
    let encoding = try lower.encode(text)
    let last = try #require(encoding.tokens.firstIndex(of: "▁the"))
    #expect(encoding.offsets[last] == 3..<6)
    #expect(encoding.offsets.allSatisfy { $0.upperBound <= 6 })
  }
}

@Suite struct TruncationTests {
  private let text = "the of the of the of"

  @Test func nothingIsDroppedWithoutAMaximumOrBelowIt() throws {
    let tokenizer = try Fixtures.slow.get()
    #expect(try tokenizer.encode(text).ids.count == 8)
    #expect(try tokenizer.encode(text).truncatedTokens == 0)
    #expect(try tokenizer.encode(text, maximumLength: 8).truncatedTokens == 0)
  }

  @Test func whatIsDroppedIsCounted() throws {
    let encoding = try Fixtures.slow.get().encode(text, maximumLength: 5)
    #expect(encoding.tokens == ["[CLS]", "▁the", "▁of", "▁the", "[SEP]"])
    #expect(encoding.truncatedTokens == 3)
    #expect(encoding.wordCounts == [6])
  }

  @Test func theLongerOfAPairGivesFirst() throws {
    let encoding = try Fixtures.slow.get().encode(text, pair: "a", maximumLength: 6)
    #expect(encoding.tokens == ["[CLS]", "▁the", "▁of", "[SEP]", "▁a", "[SEP]"])
    #expect(encoding.truncatedTokens == 4)
  }

  @Test func theVariantsGiveTheOddTokenToDifferentTexts() throws {
    let slow = try Fixtures.slow.get().encode(text, pair: text, maximumLength: 8)
    let fast = try Fixtures.fast.get().encode(text, pair: text, maximumLength: 8)
    #expect(slow.sequence.count { $0 == 0 } == 3)
    #expect(fast.sequence.count { $0 == 0 } == 2)
    #expect(slow.ids.count == 8 && fast.ids.count == 8)
  }

  @Test func aMaximumBelowTheSpecialsIsRefused() throws {
    let tokenizer = try Fixtures.slow.get()
    #expect(try tokenizer.encode(text, maximumLength: 2).truncatedTokens == 6)
    #expect(throws: TokenizerError.maximumLengthTooSmall(requested: 1, needed: 2)) {
      try tokenizer.encode(text, maximumLength: 1)
    }
    #expect(throws: TokenizerError.maximumLengthTooSmall(requested: 2, needed: 3)) {
      try tokenizer.encode(text, pair: text, maximumLength: 2)
    }
  }

  /// A start of a megabyte is read, and no more; its tokens are those of the whole text.
  @Test(arguments: ["a river ", "日本語の"])
  func `Of a long text only the start is read, with the tokens of the whole`(_ unit: String) throws {
    let tokenizer = try Fixtures.slow.get()
    let long = String(repeating: unit, count: 2_400_000 / unit.utf8.count)
    let start = String(repeating: unit, count: 60_000 / unit.utf8.count)
    let (whole, part) = (
      try tokenizer.encode(long, maximumLength: 200), try tokenizer.encode(start, maximumLength: 200)
    )
    #expect(whole.ids == part.ids && whole.offsets == part.offsets)
    #expect(whole.ids.count == 200)
    #expect(whole.truncatedTokens > part.truncatedTokens && part.truncatedTokens > 0)
    let pairs = try [long, start].map { try tokenizer.encode("a question", pair: $0, maximumLength: 200).ids }
    #expect(pairs[0] == pairs[1])
  }
}
