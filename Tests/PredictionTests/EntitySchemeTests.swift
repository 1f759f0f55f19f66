import Testing

@testable import AdapterHost

@Suite struct EntitySchemeTests {
  @Test(arguments: [["LOWER", "UPPER"], ["O"], ["B-X", "I-X"], ["O", "B-"], ["O", "X-A"], ["O", "BX"], []])
  func `Labels of another form are no scheme`(_ labels: [String]) {
    #expect(EntityScheme(labels) == nil)
  }

  @Test(arguments: [
    ["O", "B-X", "I-X"], ["O", "I-X"], ["B-A", "I-A", "L-A", "U-A", "O"], ["O", "B-A", "E-A", "S-A", "I-A"],
  ])
  func `Labels of the known schemes are one`(_ labels: [String]) {
    #expect(EntityScheme(labels) != nil)
  }

  /// Pieces of one scalar each; words are told by letters.
  private func entities(_ labels: [String], words: String? = nil) throws -> [String] {
    let scheme = try #require(
      EntityScheme(["O"] + ["A", "B"].flatMap { kind in ["B", "I", "L", "U", "E", "S"].map { "\($0)-\(kind)" } }))
    let all = ["O"] + ["A", "B"].flatMap { kind in ["B", "I", "L", "U", "E", "S"].map { "\($0)-\(kind)" } }
    let letters = words.map { Array($0.unicodeScalars) }
    let pieces = try labels.enumerated().map { index, label in
      EntityScheme.Piece(
        tag: scheme.tags[try #require(all.firstIndex(of: label))], range: index..<index + 1,
        word: letters.map { Int($0[index].value) } ?? index, score: Float(index))
    }
    return EntityScheme.entities(pieces).map { "\($0.label)\($0.range.lowerBound)-\($0.range.upperBound)" }
  }

  @Test func `A beginning and what goes on are one entity`() throws {
    #expect(try entities(["O", "B-A", "I-A", "I-A", "O"]) == ["A1-4"])
    #expect(try entities(["B-A", "I-A", "B-A", "I-A"]) == ["A0-2", "A2-4"])
    #expect(try entities(["B-A", "L-A", "B-A", "E-A", "U-A", "S-A"]) == ["A0-2", "A2-4", "A4-5", "A5-6"])
  }

  @Test func `Another kind begins another entity`() throws {
    #expect(try entities(["B-A", "I-B", "I-B"]) == ["A0-1", "B1-3"])
    #expect(try entities(["B-A", "O", "I-A"]) == ["A0-1", "A2-3"])
    #expect(try entities(["I-A", "L-A", "I-A"]) == ["A0-2", "A2-3"])
  }

  @Test func `Pieces of one word that all begin an entity are one`() throws {
    #expect(try entities(["B-A", "B-A", "B-A"], words: "xxy") == ["A0-2", "A2-3"])
    #expect(try entities(["S-A", "S-A"], words: "xx") == ["A0-2"])
    #expect(try entities(["B-A", "B-A"]) == ["A0-1", "A1-2"])
  }

  @Test func `The score is the mean of the pieces`() {
    let pieces = [Float(0.5), 0.25].enumerated().map { index, score in
      EntityScheme.Piece(tag: index == 0 ? .begin("A") : .inside("A"), range: index..<index + 1, word: 0, score: score)
    }
    #expect(EntityScheme.entities(pieces).map(\.score) == [0.375])
  }
}
