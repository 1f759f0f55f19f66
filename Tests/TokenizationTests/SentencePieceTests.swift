import Foundation
import Testing

@testable import Tokenization

/// What `Tools/make_sentencepiece_fixtures.py` recorded of sentencepiece 0.2.3.
@Suite struct SentencePieceTests {
  private struct Line: Decodable {
    var model: String
    var text: String
    var ids: [Int32]
    var decoded: String
  }

  private static let folder = Fixtures.root.appending(path: "Tests/Fixtures/sentencepiece")
  static let models = [
    "unigram", "unigram-suffix", "unigram-plain", "unigram-identity", "unigram-symbols", "unigram-unused", "bpe",
    "bpe-bytes", "bpe-symbols", "bpe-unused",
  ]

  private func lines(_ model: String) throws -> [Line] {
    try Fixtures.lines(of: Self.folder.appending(path: "reference.jsonl")).filter { $0.model == model }
  }

  /// `[CLS]` and the like are added after the pieces of these models; a text without them has the model's ids alone.
  private func tokenizer(_ model: String) throws -> DebertaV2Tokenizer {
    let bytes = try Data(contentsOf: Self.folder.appending(path: "\(model).model"))
    return try Fixtures.withFolder(["spm.model": bytes]) { try DebertaV2Tokenizer(folder: $0) }
  }

  @Test func theModelsCutTheSameTextsDifferently() throws {
    let cuts = try Self.models.map { model in try lines(model).map(\.ids) }
    #expect(cuts.allSatisfy { $0.count > 30 })
    #expect(Set(cuts).count == Self.models.count)
  }

  @Test(arguments: models) func theIdsAreThoseOfTheLibrary(_ model: String) throws {
    let tokenizer = try tokenizer(model)
    for line in try lines(model) {
      let ids = try tokenizer.encode(line.text).ids.dropFirst().dropLast()
      #expect(Array(ids) == line.ids, "\(line.text.debugDescription)")
    }
  }

  @Test(arguments: models) func decodedIdsAreTheTextOfTheLibrary(_ model: String) throws {
    let bytes = try Array(Data(contentsOf: Self.folder.appending(path: "\(model).model")))
    let own = try SentencePieceModel(SentencePieceProto(bytes, path: model))
    for line in try lines(model) {
      #expect(Array(own.decode(line.ids).utf8) == Array(line.decoded.utf8), "\(line.text.debugDescription)")
    }
  }

  @Test(arguments: models) func everyPieceLiesWhereItsTextIs(_ model: String) throws {
    let tokenizer = try tokenizer(model)
    let text = "  The ﬁne cat e\u{301} 宋 sat <tag> on½ the hat  "
    let encoding = try tokenizer.encode(text)
    let scalars = Array(text.unicodeScalars)
    var end = 0
    for (offset, sequence) in zip(encoding.offsets, encoding.sequence) where sequence == 0 {
      #expect(offset.lowerBound >= 0 && offset.upperBound <= scalars.count)
      #expect(offset.isEmpty || offset.upperBound >= end)
      end = max(end, offset.upperBound)
    }
    let covered = Set(encoding.offsets.flatMap { Array($0) })
    for (index, scalar) in scalars.enumerated() where !scalar.properties.isWhitespace {
      #expect(covered.contains(index), "\(index)")
    }
  }
}
