import Foundation
import TestSupport
import Testing

@testable import AdapterHost

@Suite struct EmbedderTests {
  private func embedder(_ setup: String?, _ options: EmbeddingOptions = .init()) throws -> Embedder {
    var model = try Shipped.model.get()
    try model.addAdapter("prompt", configuration: "prompt_tuning[prompt_length=3]", seed: 1)
    try model.setActiveAdapters(setup.map { try Composition($0) })
    return try Embedder(model, Shipped.tokenizer.get(), options)
  }

  /// The hidden states of a text in a layer, [tokens, H], without a prompt's.
  private func states(_ embedder: Embedder, _ text: String, layer: Int) throws -> [[Float]] {
    let trace = Trace(.hiddenStates)
    let ids = try embedder.tokenizer.encode(text).ids
    let output = try embedder.model([ids], setup: .composition(embedder.setup), heads: [], trace: trace)
    let states = output.states(trace.hiddenStates[layer], row: 0)
    let prompt = output.promptTokens(row: 0)
    return (0..<states.rows).filter { !prompt.contains($0) }.map { states.rows($0..<$0 + 1).array }
  }

  private func mean(_ rows: [[Float]]) -> [Float] {
    rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } / Float(rows.count) }
  }

  @Test(arguments: [nil, "truecase", "prompt"])
  func `A vector is the mean of the last states, or that of the first token, of any layer`(_ setup: String?) throws {
    let text = "a small library for reading files"
    let layers = try Shipped.model.get().configuration.layerCount
    for (layer, index) in [(nil, layers), (0, 0), (2, 2), (-1, layers), (-2, layers - 1)] as [(Int?, Int)] {
      let own = try embedder(setup, EmbeddingOptions(layer: layer))
      let states = try states(own, text, layer: index)
      expectClose(try own.embed([text])[0], mean(states), .model, "\(String(describing: layer))")
      let first = try embedder(setup, EmbeddingOptions(pooling: .cls, layer: layer)).embed([text])[0]
      expectClose(first, states[0], .model)
      expectFarOff(first, mean(states))
    }
  }

  @Test func `Vectors of many texts are those of each alone, and have the length 1 if that is requested`() throws {
    let plain = try embedder("truecase")
    let unit = try embedder("truecase", EmbeddingOptions(normalize: true))
    let together = try plain.embed(texts)
    for (text, vectors) in zip(texts, zip(together, try unit.embed(texts))) {
      expectClose(try plain.embed([text])[0], vectors.0, .model, text)
      #expect(abs(vectors.1.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
      #expect(abs(vectors.0.cosineSimilarity(to: vectors.1) - 1) < 1e-6)
    }
    #expect(together[0].cosineSimilarity(to: together[3]) < 0.999)
  }

  @Test func `A text's own adapters act on it alone`() throws {
    let plain = try embedder(nil)
    let inputs = [TextInput("a text"), TextInput("a text", setup: .adapter("truecase"), index: 1)]
    var vectors: [[Float]] = []
    try plain.embed(TextSource(inputs)) { vectors += try $0.map { try $0.get().vector } }
    #expect(try plain.embed(["a text"])[0] == vectors[0])
    expectClose(vectors[1], try embedder("truecase").embed(["a text"])[0], .model)
    expectFarOff(vectors[0], vectors[1])
  }

  @Test func `What would make several vectors, and layers that are not there, are refused`() throws {
    #expect(throws: EmbeddingError.severalVectors(setup: "Parallel(truecase, debian-section)")) {
      _ = try embedder("Parallel(truecase, debian-section)")
    }
    let layers = try Shipped.model.get().configuration.layerCount
    for layer in [layers + 1, -layers - 2] {
      #expect(throws: EmbeddingError.self) { _ = try embedder(nil, EmbeddingOptions(layer: layer)) }
    }
    let outcome = try outcomes(
      embedder(nil),
      [TextInput("a", setup: try Composition("Parallel(truecase, debian-section)")), TextInput("b", index: 1)])
    #expect((try? outcome[0].get()) == nil && (try? outcome[1].get()) != nil)
  }

  private func outcomes(_ embedder: Embedder, _ inputs: [TextInput]) throws -> [Result<Embedding, UnansweredText>] {
    var outcomes: [Result<Embedding, UnansweredText>] = []
    try embedder.embed(TextSource(inputs)) { outcomes += $0 }
    return outcomes
  }

  @Test func `Texts become the pairs of a query, and pairs two texts`() throws {
    var pairs = TextSource([TextInput("a", pair: "x"), TextInput("b", index: 1)]).asPairs(of: "query")
    #expect(
      message { _ = try pairs.next()?.get() }
        == "line 1: the text has a pair, but the query is read with one text. Leave the pair out.")
    #expect(try pairs.next()?.get() == TextInput("query", pair: "b", index: 1))
    #expect(try pairs.next() == nil)
    var split = TextSource([TextInput("a", pair: "x"), TextInput("b", index: 1)]).splittingPairs()
    #expect(try split.next()?.get() == TextInput("a") && split.next()?.get() == TextInput("x"))
    #expect((try? split.next()?.get()) == nil)
  }
}
