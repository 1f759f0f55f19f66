import AdapterHost
import Foundation
import TestSupport
import Testing

/// Prompt tuning makes the rows of a text more; the answers are about the text's own tokens.
@Suite struct PromptTests {
  private static let length = 3

  /// The shipped model with a prompt, and the heads that answer behind it.
  private func predictor(_ combine: String, heads: [String]) throws -> Predictor {
    var model = try Shipped.model.get()
    try model.addAdapter(
      "prompt", configuration: "prompt_tuning[prompt_length=\(Self.length), combine='\(combine)']", seed: 1)
    try model.setActiveAdapters(.adapter("prompt"))
    model.activeHeads = heads
    return try Predictor(model, Shipped.tokenizer.get())
  }

  /// Where the text's first token and its others stand in the rows of the output.
  private static let places: [(String, @Sendable (Int) -> Int)] = [
    ("prefix", { $0 + length }), ("prefix_after_bos", { $0 == 0 ? 0 : $0 + length }),
  ]

  private func labels(
    _ logits: Tensor, _ text: String, _ encoding: Encoding, _ settings: HeadSettings, at place: (Int) -> Int
  ) -> [String] {
    Sentence(text).firstTokens(encoding).compactMap { $0 }.map { token in
      let values = logits.rows(place(token)..<place(token) + 1).array
      return settings.labels[values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }]
    }
  }

  @Test(arguments: places.map(\.0))
  func `Where a prompt lengthens the text, words have the labels of their own tokens`(_ combine: String) throws {
    let text = "miss woodhouse was invited to mr. weston's house in surrey on tuesday"
    let predictor = try predictor(combine, heads: ["truecase"])
    let encoding = try predictor.encode(TextInput(text))
    let output = try predictor.model([encoding.ids])
    let head = try #require(output.heads["truecase"])
    let logits = head.logits(row: 0)
    #expect(logits.rows == encoding.ids.count + Self.length)
    let place = try #require(Self.places.first { $0.0 == combine }).1
    let expected = labels(logits, text, encoding, head.settings, at: place)
    #expect(expected != labels(logits, text, encoding, head.settings) { $0 })
    guard case .words(let spans) = try predictor.predict([text])[0][head: "truecase"] else {
      Issue.record("no spans")
      return
    }
    #expect(spans.map(\.label) == expected)
  }

  @Test func `Texts behind a prompt are answered in a batch with others as alone`() throws {
    let predictor = try predictor("prefix", heads: ["truecase"])
    let setups = [nil, Composition.adapter("wordnet-domain")]
    let inputs = texts.enumerated().map { TextInput($1, setup: setups[$0 % 2], index: $0) }
    let together = try predictor.predict(inputs)
    let other = try predictor.predict([TextInput(texts[0], setup: setups[1])])
    #expect(together[0][head: "truecase"] != other[0][head: "truecase"])
    for (input, prediction) in zip(inputs, together) {
      #expect(try predictor.predict([input])[0][head: "truecase"] == prediction[head: "truecase"])
    }
  }

  @Test(arguments: places.map(\.0))
  func `The tokens of a prompt are told`(_ combine: String) throws {
    let predictor = try predictor(combine, heads: ["truecase"])
    let output = try predictor.model([[1, 309, 2]])
    let start = combine == "prefix" ? 0 : 1
    #expect(output.promptTokens(row: 0) == start..<start + Self.length)
    #expect(try predictor.model([[1, 309, 2]], setup: .composition(nil)).promptTokens(row: 0).isEmpty)
    var texts = predictor.model
    texts.activeHeads = ["wordnet-domain"]
    #expect(try texts([[1, 309, 2]], states: .first).promptTokens(row: 0) == (combine == "prefix" ? 0..<1 : 1..<1))
  }

  @Test(arguments: places.map(\.0))
  func `A prompt's tokens are no masked words, whatever the id of the mask`(_ combine: String) throws {
    let predictor = try predictor(combine, heads: ["default"])
    // Inside, the ids of a prompt's tokens are 0.
    let output = try predictor.model([[1, 0, 309, 2]], answering: .masks(0))
    let head = try #require(output.heads["default"])
    #expect(head.tokens == [[1 + Self.length]])
    #expect(head.logits.rows == 1)
    let all = try #require(predictor.model([[1, 0, 309, 2]], answering: .all).heads["default"])
    #expect(all.logits(row: 0).rows(1 + Self.length..<2 + Self.length).array == head.logits.array)
  }
}
