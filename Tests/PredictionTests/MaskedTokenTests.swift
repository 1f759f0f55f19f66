import AdapterHost
import Foundation
import TestSupport
import Testing

/// What the shipped base, which is a masked language model, expects in the place of `[MASK]`.
@Suite struct MaskedTokenTests {
  private struct Reference: Decodable {
    struct Piece: Decodable {
      let id: Int32
      let piece: String
      let logit: Float
      let p: Float
    }

    let text: String
    let inputIDs: [Int32]
    let maskIndex: Int
    let top: [Piece]
    let firstLogits: [Float]

    enum CodingKeys: String, CodingKey {
      case text, top
      case inputIDs = "input_ids"
      case maskIndex = "mask_index"
      case firstLogits = "logits_first_16"
    }

    static func all(in folder: URL) throws -> [Reference] {
      try Data(contentsOf: folder.appending(path: "mlm.reference.jsonl")).split(separator: UInt8(ascii: "\n"))
        .map { try JSONDecoder().decode(Reference.self, from: $0) }
    }
  }

  private func masks(_ text: String, _ predictor: Predictor? = nil) throws -> [MaskedToken] {
    let prediction = try (predictor ?? Shipped.predictor(nil)).predict([text])[0]
    #expect(prediction.answers.map(\.head) == ["default"])
    guard case .masks(let masks) = prediction[head: "default"] else {
      Issue.record("no masks")
      return []
    }
    return masks
  }

  @Test func `Other texts expect other pieces`() throws {
    #expect(try masks("a [MASK] who plays the piano") != masks("a [MASK] that eats grass"))
  }

  @Test func `The shipped sentences are completed as the reference completes them`() throws {
    try check(Reference.all(in: Fixtures.file("eval")), Shipped.predictor(nil))
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["EVAL_DATA"] != nil))
  func `All sentences are completed as the reference completes them`() throws {
    let folder = URL(filePath: try #require(ProcessInfo.processInfo.environment["EVAL_DATA"]))
    let base = folder.deletingLastPathComponent().appending(path: "base").path
    let model = try DebertaV2AdapterModel(folder: base, compute: Shipped.compute)
    try check(Reference.all(in: folder), Predictor(model, Shipped.tokenizer.get()))
  }

  private func check(_ references: [Reference], _ predictor: Predictor) throws {
    #expect(!references.isEmpty)
    let (model, tokenizer) = (predictor.model, predictor.tokenizer)
    for reference in references {
      #expect(try tokenizer.encode(reference.text).ids == reference.inputIDs, "\(reference.text)")
      let mask = try #require(tokenizer.maskID)
      let output = try #require(
        try model([reference.inputIDs], setup: .composition(nil), heads: ["default"], answering: .masks(mask))
          .heads["default"])
      #expect(output.tokens == [[reference.maskIndex]])
      let logits = output.logits.array
      let best = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(10).map(Int32.init)
      #expect(best == reference.top.map(\.id), "\(reference.text)")
      let found = Array(logits[..<16]) + best.map { logits[Int($0)] }
      // Six digits of what the reference computed in float32.
      let excess = zip(found, reference.firstLogits + reference.top.map(\.logit)).map {
        abs($0 - $1) / (1e-4 + 1e-4 * abs($1))
      }
      #expect(try #require(excess.max()) <= 1, "\(reference.text)")
      let masks = try masks(reference.text, predictor)
      #expect(masks.map(\.token) == [reference.maskIndex])
      let predictions = try #require(masks.first).predictions
      #expect(predictions.map(\.id) == reference.top.prefix(5).map(\.id))
      #expect(predictions.map(\.piece) == reference.top.prefix(5).map(\.piece))
      for (own, expected) in zip(predictions, reference.top) { #expect(abs(own.score - expected.p) < 1e-5) }
    }
  }

  @Test func `Every mask has five pieces, and a text without one has none`() throws {
    let masks = try masks("The [MASK] of a [MASK]")
    #expect(masks.map(\.token) == [2, 5])
    #expect(masks.allSatisfy { $0.predictions.count == 5 })
    for mask in masks {
      #expect(mask.predictions.map(\.score) == mask.predictions.map(\.score).sorted(by: >))
      #expect(mask.predictions.reduce(0) { $0 + $1.score } < 1)
    }
    #expect(try self.masks("a text").isEmpty)
    let json = try Shipped.predictor(nil).predict(["a text"])[0].json()
    #expect(json == #"{"index": 0, "text": "a text", "heads": {"default": {"masks": []}}}"#)
  }

  @Test func `Masks of many texts are answered as those of one`() throws {
    let texts = (0..<40).map { ["a [MASK] \($0)", "none \($0)", "[MASK] and [MASK]"][$0 % 3] }
    let together = try Shipped.predictor(nil).predict(texts)
    for (text, prediction) in zip(texts, together) {
      #expect(prediction[head: "default"] == .masks(try masks(text)))
    }
  }

  @Test func `An answer is a line of JSON`() throws {
    let json = try Shipped.predictor(nil).predict(["[MASK] library for Python"])[0].json()
    #expect(
      json.hasPrefix(
        #"{"index": 0, "text": "[MASK] library for Python", "heads": {"default": {"masks": [{"token": 1, "predictions": [{"#
          + #""piece": "▁Python", "text": "Python", "id": "#), "\(json)")
    #expect(json.contains(#""filled": "Python library for Python"}"#))
  }

  @Test func `Where a prompt lengthens the text, masks are counted in the text`() throws {
    var model = try Shipped.model.get()
    try model.addAdapter("prompt", configuration: "prompt_tuning", seed: 1)
    try model.setActiveAdapters(.adapter("prompt"))
    model.activeHeads = ["default"]
    let prediction = try Predictor(model, Shipped.tokenizer.get()).predict(["a [MASK] who plays the piano"])[0]
    guard case .masks(let masks) = prediction[head: "default"] else {
      Issue.record("no masks")
      return
    }
    #expect(masks.map(\.token) == [2])
    #expect(try masks != self.masks("a [MASK] who plays the piano"))
  }

  @Test func `Texts longer than an enhanced decoder's positions are refused one by one`() throws {
    let model = try DebertaV2AdapterModel(
      folder: Fixtures.base("v3-microsoft-enhanced-mask-decoder"), compute: Shipped.compute)
    let predictor = try Predictor(model, Shipped.tokenizer.get())
    let long = TextInput(String(repeating: "a ", count: 50))
    #expect(message { _ = try predictor.encode(long) }?.contains("positions for 40") == true)
    #expect(try predictor.encode(TextInput("a")).ids.count == 3)
  }
}
