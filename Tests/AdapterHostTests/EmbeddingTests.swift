import AdapterHost
import Foundation
import TestSupport
import Testing

/// Word embeddings of other vocabularies.
@Suite struct EmbeddingTests {
  private let ids = TinyModel.ids([7, 3, 12])
  /// Tokens of the base, `t0`, `t1`, …; a new vocabulary that has every other one, in another order, and new ones.
  private let base: [String?] = (0..<TinyModel.vocabulary).map { "t\($0)" }
  private let own: [String?] = (0..<150).map { $0.isMultiple(of: 2) ? "t\(96 - $0 / 2)" : "new\($0)" }

  @Test func rowsOfCommonTokensAreCopied() throws {
    var model = try TinyModel.load()
    let before = try model(ids).values
    try model.addEmbeddings("e", vocabulary: own, reference: ("default", base), seed: 1)
    #expect(model.embeddingNames == ["default", "e"] && model.activeEmbeddings == "e")
    #expect(model.configuration.vocabularySize == 150)
    // A text of common tokens has the same states by their new numbers.
    let numbers = Dictionary(uniqueKeysWithValues: own.enumerated().map { ($1, Int32($0)) })
    let common = ids.map { $0.map { max($0, 22) } }
    let renumbered = try common.map { try $0.map { try #require(numbers["t\($0)"]) } }
    let ours = try model(renumbered).values
    try model.setActiveEmbeddings("default")
    #expect(model.configuration.vocabularySize == TinyModel.vocabulary)
    expectClose(ours, try model(common).values, .exact)
    expectClose(try model(ids).values, before, .exact)
    // New tokens have rows of their own.
    try model.addEmbeddings("f", vocabulary: own, seed: 1)
    #expect(try model(renumbered).values != ours)
  }

  @Test func whatIsSavedIsLoaded() throws {
    var model = try TinyModel.load()
    try model.addEmbeddings("e", vocabulary: own, seed: 7)
    let values = try model(ids).values
    let folder = try TemporaryFolder()
    try model.saveEmbeddings("e", to: folder.path("saved"))
    var other = try TinyModel.load()
    expectFarOff(try other(ids).values, values)
    #expect(try other.loadEmbeddings(folder.path("saved"), as: "x") == nil)
    #expect(other.activeEmbeddings == "x" && other.vocabularySize(ofEmbeddings: "x") == 150)
    expectClose(try other(ids).values, values, .exact)
    #expect(try other([[149]]).values != other([[148]]).values)
    try other.deleteEmbeddings("x")
    #expect(other.activeEmbeddings == "default" && other.embeddingNames == ["default"])
    expectClose(try other(ids).values, try TinyModel.load()(ids).values, .exact)
  }

  @Test func adaptersHeadsAndWhatIsMergedStayWithOtherEmbeddings() throws {
    var model = try TinyModel.load()
    try model.addRandom("lora[r=3]", named: "a", seed: 1)
    try model.addMaskedLMHead("words", seed: 2)
    try model.mergeAdapter("a")
    let merged = try #require(model(ids, heads: ["words"]).heads["words"]).logits
    try model.addEmbeddings("e", vocabulary: own, reference: ("default", base))
    #expect(model.mergedAdapter == "a")
    let logits = try #require(model([[1, 2, 3]], heads: ["words"]).heads["words"]).logits
    #expect(logits.columns == TinyModel.vocabulary)
    try model.setActiveEmbeddings("default")
    expectClose(try #require(model(ids, heads: ["words"]).heads["words"]).logits.array, merged.array, .exact)
  }

  @Test func embeddingsThatCannotBeAreRefusedAndNothingChanges() throws {
    var model = try TinyModel.load()
    let folder = try TemporaryFolder()
    try model.addEmbeddings("e", vocabulary: own)
    #expect(throws: WordTableError.exists(name: "e")) { try model.addEmbeddings("e", vocabulary: own) }
    #expect(throws: WordTableError.noRows) { try model.addEmbeddings("f", vocabulary: []) }
    #expect(throws: WordTableError.isBase) { try model.deleteEmbeddings("default") }
    #expect(throws: WordTableError.unknown(name: "x", names: ["default", "e"])) { try model.setActiveEmbeddings("x") }
    #expect(refusal { try model.loadEmbeddings(folder.path("nothing"), as: "f") }?.contains("embedding.pt") == true)
    try folder.write("{}", as: "embedding.pt")
    #expect(refusal { try model.loadEmbeddings(folder.path, as: "f") } != nil)
    var narrow = try TinyModel.load("abs")
    if narrow.configuration.embeddingSize != model.configuration.embeddingSize {
      try narrow.addEmbeddings("n", vocabulary: own)
      try narrow.saveEmbeddings("n", to: folder.path("narrow"))
      #expect(refusal { try model.loadEmbeddings(folder.path("narrow"), as: "f") }?.contains("another size") == true)
    }
    #expect(model.embeddingNames == ["default", "e"] && model.activeEmbeddings == "e")
    #expect(throws: InputError.self) { try model([[150]]) }
  }

  @Test func embeddingsAreResizedAndTiedDecodersFollow() throws {
    var model = try TinyModel.load()
    try model.addMaskedLMHead("words", seed: 2)
    let before = try #require(model(ids, heads: ["words"]).heads["words"]).logits
    try model.resizeTokenEmbeddings(100, seed: 1)
    #expect(model.configuration.vocabularySize == 100)
    let after = try #require(model(ids, heads: ["words"]).heads["words"]).logits
    #expect(after.columns == 100 && before.columns == TinyModel.vocabulary)
    for row in 0..<before.rows {
      expectClose(
        Array(after.array[row * 100..<row * 100 + TinyModel.vocabulary]),
        Array(before.array[row * TinyModel.vocabulary..<(row + 1) * TinyModel.vocabulary]), .op)
    }
    #expect(try model([[99]]).values != model([[98]]).values)
    let folder = try TemporaryFolder()
    try model.savePretrained(to: folder.path("resized"))
    let loaded = try DebertaV2AdapterModel(folder: folder.path("resized"), compute: TinyModel.compute)
    #expect(loaded.configuration.vocabularySize == 100)
    #expect(try loaded([[99, 3]]).values == model([[99, 3]]).values)
    #expect(loaded.outputEmbeddings["words"]?.rows == 100)
  }

  @Test func decodersAreTiedToTheActiveEmbeddingsOnRequest() throws {
    var model = try TinyModel.load()
    try model.addMaskedLMHead("words", seed: 2)
    try model.addEmbeddings("e", vocabulary: own)
    #expect(model.outputEmbeddings["words"]?.rows == TinyModel.vocabulary)
    model.tieWeights()
    #expect(model.outputEmbeddings["words"]?.rows == 150)
    #expect(model.head("words")?.settings.outputs == 150)
  }
}
