import Foundation
import Testing

@testable import Tokenization

@Suite struct ByteTrieTests {
  @Test func prefixesAreFoundShortestFirst() {
    var trie = ByteTrie()
    for (value, string) in ["a", "ab", "abcd", "b"].enumerated() { trie.insert(string.utf8, value: Int32(value)) }
    var found: [Int32] = []
    Array("abcx".utf8).withUnsafeBufferPointer { text in
      trie.forEachPrefix(of: text, from: 0, to: 4) { found.append($1) }
      #expect(trie.longestPrefix(of: text, from: 0, to: text.count)?.end == 2)
      #expect(trie.longestPrefix(of: text, from: 3, to: text.count) == nil)
    }
    #expect(found == [0, 1])
  }

  @Test func thousandsOfStringsKeepTheirNumbers() {
    var trie = ByteTrie()
    let strings = (0..<5000).map { String($0 * 7919, radix: 36) }
    for (value, string) in strings.enumerated() { trie.insert(string.utf8, value: Int32(value)) }
    for (value, string) in strings.enumerated() {
      Array(string.utf8).withUnsafeBufferPointer { text in
        #expect(trie.longestPrefix(of: text, from: 0, to: text.count)?.value == Int32(value))
      }
    }
  }
}

@Suite struct UnigramSearchTests {
  private func search<Score>(
    _ pieces: [(String, Score)], reset: Score? = nil
  ) -> UnigramSearch<Score> {
    var trie = ByteTrie()
    for (id, piece) in pieces.enumerated() { trie.insert(piece.0.utf8, value: Int32(id + 1)) }
    return UnigramSearch(
      trie: trie, scores: [0] + pieces.map(\.1), unknownID: 0, unknownScore: -20, resetThreshold: reset)
  }

  private func ids<Score>(_ search: UnigramSearch<Score>, _ text: String) -> [Int32] {
    Array(text.utf8).withUnsafeBufferPointer { search.segments(of: $0, in: $0.indices).map(\.id) }
  }

  @Test func theGreatestSumWins() {
    let search = search([("a", -1.0), ("b", -1), ("ab", -3), ("abc", -2.5), ("c", -1)])
    #expect(ids(search, "ab") == [1, 2])  // -2 beats -3
    #expect(ids(search, "abc") == [4])  // -2.5 beats -3
    #expect(ids(search, "a?b") == [1, 0, 2])
    #expect(ids(search, "") == [])
  }

  @Test func ofTwoEqualSumsTheLongerFirstPieceWins() {
    // "aaa" is a·aa or aa·a: both -3 exactly. What reaches the end first stays.
    #expect(ids(search([("a", -1.0), ("aa", -2.0)]), "aa") == [2])
    #expect(ids(search([("a", Float(-1.5)), ("aa", Float(-2))]), "aaa") == [1, 2])
  }

  @Test func aRunningSumThatIsResetCutsLikeOneThatIsNot() {
    let pieces: [(String, Float)] = [("a", -1), ("b", -1), ("ab", -1.5)]
    let text = String(repeating: "ab", count: 500)
    #expect(ids(search(pieces, reset: 10), text) == ids(search(pieces), text))
  }
}

@Suite struct TokenizerLoadTests {
  @Test func aMegabyteIsEncodedInLinearTime() throws {
    let tokenizer = try Fixtures.slow.get()
    let texts = [
      String(repeating: "It is a truth universally acknowledged ", count: 26_000),
      String(repeating: "a", count: 1_000_000), String(repeating: "宋", count: 333_000),
      String(repeating: "[MASK]", count: 160_000), String(repeating: " ", count: 1_000_000),
    ]
    for text in texts {
      let encoding = try tokenizer.encode(text, maximumLength: 512)
      let all = encoding.ids.count + encoding.truncatedTokens
      #expect(all <= text.utf8.count + 3)
      #expect(encoding.ids.count == min(all, 512))
    }
  }

  @Test func threadsShareATokenizer() async throws {
    let tokenizer = try Fixtures.slow.get()
    let lines = try ReferenceTests.lines("plain").filter { $0.pair == nil && $0.maximumLength == nil }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask { try lines.allSatisfy { try tokenizer.encode($0.text).ids == $0.slow } }
      }
      for try await isEqual in group { #expect(isEqual) }
    }
  }
}
