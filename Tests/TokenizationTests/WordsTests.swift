import Testing
import Tokenization

@Suite struct WordsTests {
  private static let texts = [
    "", "a", "   ", "  two  words\n", "été\u{2003}日本語 😀x\u{1F}naïve e\u{301}\n", "a\u{1C}b\u{85}c\u{A0}d\u{3000}e",
    "no\u{200B}break", "the [MASK] of a \u{2581} piece",
  ]

  @Test func `Words are the runs between white space, in scalars as Python counts`() {
    // [(m.start(), m.end()) for m in re.finditer(r'\S+', text)]
    #expect(Words(Self.texts[4]).ranges == [0..<3, 4..<7, 8..<10, 11..<16, 17..<19])
    #expect(Words("  two  words\n").ranges == [2..<5, 7..<12])
    #expect(Words("").ranges.isEmpty && Words(" \n").ranges.isEmpty)
  }

  @Test func `A part of a text is the scalars of its range`() {
    let words = Words(Self.texts[4])
    #expect(words.ranges.map(words.text) == ["été", "日本語", "😀x", "naïve", "e\u{301}"])
    #expect(words.text(17..<18) == "e")
  }

  @Test func `The information separators part words, what has no width does not`() {
    #expect(Words("a\u{1C}b\u{1D}c\u{1E}d\u{1F}e").ranges.count == 5)
    #expect(Words("a\u{1B}b").ranges.count == 1)
    #expect(Words("a\u{200B}b").ranges.count == 1)
  }

  @Test(arguments: texts)
  func `The words of a text are those that the tokenizer counts`(_ text: String) throws {
    let words = Words(text)
    let encoding = try Fixtures.slow.get().encode(text)
    #expect(encoding.wordCounts == [words.ranges.count])
    for case (let word?, let offsets) in zip(encoding.words, encoding.offsets) where !offsets.isEmpty {
      #expect(words.ranges[word].contains(offsets.lowerBound), "\(offsets)")
    }
  }
}
