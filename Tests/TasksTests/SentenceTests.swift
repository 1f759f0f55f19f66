import Foundation
import Tasks
import TestSupport
import Testing
import Tokenization

@Suite struct SentenceTests {
  private let tokenizer: DebertaV2Tokenizer

  init() throws {
    tokenizer = try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
  }

  private func pieces(_ sentence: Sentence, maximumLength: Int? = nil) throws -> [String?] {
    let encoding = try tokenizer.encode(sentence.text, maximumLength: maximumLength)
    return sentence.firstTokens(encoding).map { $0.map { encoding.tokens[$0] } }
  }

  @Test func `The first token of a word is found even if it is a bare space`() throws {
    #expect(try pieces(Sentence("  the unicode\ncat sat ")) == ["▁the", "▁", "▁cat", "▁sat"])
  }

  @Test func `Words that normalize to nothing or are cut off have no token`() throws {
    #expect(try pieces(Sentence("a \u{1} b")) == ["▁a", nil, "▁b"])
    #expect(try pieces(Sentence("the the the"), maximumLength: 3) == ["▁the", nil, nil])
  }

  @Test func `Given words are joined by spaces, and one may hold a space`() throws {
    let sentence = Sentence(words: ["New York", "", "(", "日本"])
    #expect(sentence.text == "New York  ( 日本")
    #expect(sentence.ranges == [0..<8, 9..<9, 10..<11, 12..<14])
    let first = try pieces(sentence)
    #expect(first.map { $0 == nil } == [false, true, false, false])
    #expect(try pieces(Sentence("New York"))[1] != nil)
  }
}
