import Tasks
import Testing

@Suite struct TagSchemeTests {
  /// The entities of a sentence as `KIND first-end`, with words counted from 0.
  private func entities(_ tags: String, of labels: [String]? = nil) throws -> [String] {
    let tags = tags.split(separator: " ").map(String.init)
    let labels = labels ?? Self.allPrefixes
    let scheme = try #require(TagScheme(labels))
    let numbers = try tags.map { try #require(labels.firstIndex(of: $0)) }
    return scheme.entities(numbers).map { "\($0.kind)\($0.words.lowerBound)-\($0.words.upperBound)" }
  }

  private static let allPrefixes =
    ["O"] + ["A", "B"].flatMap { kind in ["B", "I", "L", "U", "E", "S"].map { "\($0)-\(kind)" } }

  @Test(arguments: [
    // IOB2
    ("O B-A I-A O B-A B-A", ["A1-3", "A4-5", "A5-6"]),
    // IOB1: an entity begins with I, and with B only after another one of its kind
    ("I-A I-A B-A I-B O I-B", ["A0-2", "A2-3", "B3-4", "B5-6"]),
    // BIOES and BILOU
    ("B-A E-A S-A B-A I-A E-A O S-B", ["A0-2", "A2-3", "A3-6", "B7-8"]),
    ("B-A L-A U-A B-A I-A L-A O U-B", ["A0-2", "A2-3", "A3-6", "B7-8"]),
    // Tags that break their scheme
    ("O I-A I-B L-B I-B", ["A1-2", "B2-4", "B4-5"]), ("B-A I-B", ["A0-1", "B1-2"]), ("E-A E-A", ["A0-1", "A1-2"]),
    ("S-A I-A", ["A0-1", "A1-2"]), ("B-A", ["A0-1"]), ("O O", []), ("", []),
  ])
  func `Entities begin and end as conlleval says`(_ tags: String, _ expected: [String]) throws {
    #expect(try entities(tags) == expected)
  }

  @Test(arguments: [["LOWER", "UPPER"], ["NOUN", "VERB", "X"], ["LABEL_0", "LABEL_1"], ["E-X", "S-X"], []])
  func `Labels without O, B- and I- are no scheme`(_ labels: [String]) {
    #expect(TagScheme(labels) == nil)
    #expect(TagScheme(labels + ["O"]) != nil)
  }

  @Test(arguments: ["X", "[CLS]", "[SEP]", "<PAD>", "<s>", "O", "B-O", "I-O", "_"])
  func `Marks of special tokens and of later pieces are outside`(_ mark: String) throws {
    let labels = ["O", "B-PER", "I-PER", mark]
    #expect(try entities("B-PER \(mark) I-PER", of: labels) == ["PER0-1", "PER2-3"])
    #expect(try entities("\(mark) \(mark)", of: labels) == [])
  }

  @Test func `After a prefix X is a kind as any other`() throws {
    #expect(try entities("B-X I-X X", of: ["O", "X", "B-X", "I-X"]) == ["X0-2"])
  }

  @Test func `A bare kind counts as inside`() throws {
    let labels = ["O", "PER", "LOC", "B-LOC", "I-LOC"]
    #expect(try entities("PER PER O LOC B-LOC LOC I-LOC", of: labels) == ["PER0-2", "LOC3-4", "LOC4-7"])
  }

  @Test func `A kind that holds a hyphen is whole`() throws {
    let labels = ["O", "B-non-fiction", "I-non-fiction", "E-mail", "x-ray"]
    #expect(
      try entities("B-non-fiction I-non-fiction E-mail E-mail x-ray", of: labels)
        == ["non-fiction0-2", "E-mail2-4", "x-ray4-5"])
    // With a B- of the same kind the letter is a prefix, for every kind of the set.
    #expect(
      try entities("B-mail E-mail S-web", of: ["O", "B-mail", "E-mail", "S-web"]) == ["mail0-2", "web2-3"])
  }
}
