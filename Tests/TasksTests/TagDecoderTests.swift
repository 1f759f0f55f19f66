import Foundation
import TestSupport
import Testing
import Tokenization

@testable import Tasks
@testable import Tensors

/// Where the answers of a pipeline are not what its users expect.
@Suite struct TagDecoderTests {
  private static let tokenizer = Result {
    try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
  }

  /// The spans of a text some of whose tokens have a label for sure, and all others the first label: `KIND start-end`.
  private func spans(
    _ text: String, _ labels: [String], _ options: TaggingOptions, _ own: [Int: String]
  ) throws -> [String] {
    let encoding = try Self.tokenizer.get().encode(text)
    let rows = encoding.ids.indices.map { token in labels.map { $0 == own[token] ?? labels[0] ? Float(9) : 0 } }
    let outputs = Tensor(Array(rows.joined()), rows: rows.count, columns: labels.count)
    let answer = TagDecoder(labels: labels, options).answer([outputs], TextWindows(encoding), of: Sentence(text))
    switch answer {
    case .entities(let spans), .words(let spans):
      return spans.map { "\($0.label) \($0.range.lowerBound)-\($0.range.upperBound)" }
    default: return ["no spans"]
    }
  }

  private let first = TaggingOptions(aggregationStrategy: .first)
  private let simple = TaggingOptions(aggregationStrategy: .simple)

  @Test func `In a BILOU set L and U close an entity, and whatever follows begins another`() throws {
    let labels = ["O", "B-X", "I-X", "L-X", "U-X"]
    let own = [1: "B-X", 2: "L-X", 3: "I-X", 4: "U-X", 5: "U-X"]
    #expect(try spans("a a a a a", labels, first, own) == ["X 0-3", "X 4-5", "X 6-7", "X 8-9"])
    // Where no label has B or I, L and U are parts of names.
    let plain = ["O", "L-X", "U-X"]
    #expect(try spans("a a a", plain, first, [1: "L-X", 2: "L-X", 3: "U-X"]) == ["L-X 0-3", "U-X 4-5"])
  }

  @Test func `A hyphen that ends no prefix is a part of the kind`() throws {
    let labels = ["O", "B-ORG-GOV", "I-ORG-GOV", "non-fiction"]
    let own = [1: "B-ORG-GOV", 2: "I-ORG-GOV", 3: "non-fiction", 4: "non-fiction"]
    #expect(try spans("a a a a", labels, simple, own) == ["ORG-GOV 0-3", "non-fiction 4-7"])
  }

  @Test(arguments: ["\n", "\t", "\u{A0}", "  ", "\r\n"])
  func `Any white space parts words`(_ space: String) throws {
    let labels = ["O", "B-X", "I-X"]
    let text = "a\(space)a"
    let count = text.unicodeScalars.count
    #expect(try spans(text, labels, first, [1: "B-X", 2: "B-X"]) == ["X 0-1", "X \(count - 1)-\(count)"])
  }

  @Test func `A word that begins with the bare piece of a space is one word, decided by it`() throws {
    let text = "a 東京 a"
    let tokens = try Self.tokenizer.get().encode(text).tokens
    let bare = try #require(tokens.firstIndex(of: "▁"))
    let labels = ["O", "B-X", "I-X"]
    #expect(try spans(text, labels, first, [bare: "B-X"]) == ["X 2-4"])
    #expect(try spans(text, labels, first, [bare + 1: "B-X"]) == [])
    // Alone it has no text.
    let none = TaggingOptions(aggregationStrategy: AggregationStrategy.none)
    #expect(try spans(text, labels, none, [bare: "B-X"]) == [])
  }

  @Test func `O after a prefix is outside, and a group of its own where nothing is ignored`() throws {
    let labels = ["I-O", "B-X", "I-X"]
    #expect(try spans("a a a a", labels, simple, [2: "B-X"]) == ["X 2-3"])
    let all = TaggingOptions(aggregationStrategy: .simple, ignoreLabels: [])
    #expect(try spans("a a a a", labels, all, [2: "B-X"]) == ["O 0-1", "X 2-3", "O 4-7"])
  }

  @Test func `Without a strategy words of plain labels stay apart, and named labels are left out`() throws {
    let labels = ["NOUN", "VERB"]
    #expect(try spans("a a a", labels, TaggingOptions(), [2: "VERB"]) == ["NOUN 0-1", "VERB 2-3", "NOUN 4-5"])
    let verbs = TaggingOptions(ignoreLabels: ["NOUN"])
    #expect(try spans("a a a", labels, verbs, [2: "VERB"]) == ["VERB 2-3"])
    #expect(try spans("a a a", labels, first, [3: "VERB"]) == ["NOUN 0-3", "VERB 4-5"])
  }

  @Test func `An entity over the edge of a window is whole without a strategy`() throws {
    let tokenizer = try Self.tokenizer.get()
    let text = (0..<20).map { _ in "a" }.joined(separator: " ")
    let windows = try TextWindows(text: text, pair: nil, tokenizer, maximumLength: 9, shared: 3)
    #expect(windows.encodings.count > 3)
    let labels = ["O", "B-X", "I-X"]
    // In every window the tokens 5 to 11 of the text are one entity, but at its edges the head is wrong.
    let outputs = zip(windows.encodings, windows.ranges).map { encoding, range in
      let rows = encoding.ids.indices.map { token -> [Float] in
        let place = range.lowerBound + token - 1
        let isEdge = token == 1 && range.lowerBound > 0 || token == range.count && range.upperBound < 20
        guard !isEdge, (5...11).contains(place) else { return [9, 0, 0] }
        return place == 5 ? [0, 9, 0] : [0, 0, 9]
      }
      return Tensor(Array(rows.joined()), rows: rows.count, columns: 3)
    }
    func ranges(_ options: TaggingOptions) -> [Range<Int>] {
      guard case .entities(let spans) = TagDecoder(labels: labels, options).answer(outputs, windows, of: Sentence(text))
      else { return [] }
      return spans.map(\.range)
    }
    #expect(ranges(first) != [10..<23])
    #expect(ranges(TaggingOptions()) == [10..<23])
  }

  @Test func `What may be ignored is a kind, or without aggregation a label`() {
    let labels = ["O", "B-PER", "I-PER", "B-LOC"]
    #expect(first.ignorableLabels(labels) == ["O", "PER", "LOC"])
    #expect(TaggingOptions(aggregationStrategy: AggregationStrategy.none).ignorableLabels(labels) == labels)
    #expect(TaggingOptions().ignorableLabels(["NOUN", "B"]) == ["NOUN", "B"])
  }
}
