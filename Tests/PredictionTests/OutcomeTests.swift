import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// Texts that cannot be answered, among others that can.
@Suite struct OutcomeTests {
  private func outcomes(
    _ predictor: Predictor, _ inputs: [TextInput]
  ) throws -> [Result<Prediction, UnansweredText>] {
    var outcomes: [Result<Prediction, UnansweredText>] = []
    try predictor.predict(TextSource(inputs)) { outcomes += $0 }
    return outcomes
  }

  /// The shipped model with an adapter whose values are all NaN.
  private func brokenModel() throws -> DebertaV2AdapterModel {
    var model = try Shipped.model.get()
    try model.addAdapter("broken", configuration: "lora", seed: 1)
    let adapter = try #require(model.adapter("broken")).copied
    for spec in adapter.parameters.specs {
      let tensor = adapter.parameters[spec]
      for row in 0..<tensor.rows {
        (tensor.pointer + row * tensor.stride).update(repeating: .nan, count: tensor.columns)
      }
    }
    try model.replaceAdapter("broken", adapter)
    return model
  }

  @Test(arguments: ["debian-section", "debian-facets", "truecase"])
  func `A text for which a head gives NaN has an error that names it, and the others are answered`(
    _ head: String
  ) throws {
    var model = try brokenModel()
    try model.setActiveAdapters(.adapter(head))
    let predictor = try Predictor(model, Shipped.tokenizer.get())
    let broken = try Composition("Stack(broken, \(head))")
    let inputs = texts.enumerated().map { TextInput($1, setup: $0 == 3 ? broken : nil, index: $0) }
    let outcomes = try outcomes(predictor, inputs)
    let alone = try predictor.predict(texts)
    for (index, outcome) in outcomes.enumerated() {
      switch outcome {
      case .success(let prediction): #expect(prediction[head: head] == alone[index][head: head])
      case .failure(let failure):
        #expect(index == 3)
        #expect(failure.description.hasPrefix("line 4: The head '\(head)' gave numbers that are not finite"))
      }
    }
    #expect(outcomes.count { (try? $0.get()) == nil } == 1)
  }

  @Test func `An evaluation of numbers that are not finite has no metrics`() throws {
    var model = try brokenModel()
    let folder = try TemporaryFolder()
    let data = try folder.write(#"{"text": "a library", "label": "libs"}"#, as: "data.jsonl")
    func evaluate(_ setup: String) throws -> Double? {
      try model.setActiveAdapters(Composition(setup))
      let results = try HeadEvaluation(data: data).results(
        of: model, Shipped.tokenizer.get())
      return results[0].result["accuracy"]
    }
    #expect(try evaluate("debian-section") != nil)
    #expect(throws: EvaluationError.notFinite(head: "debian-section")) {
      _ = try evaluate("Stack(broken, debian-section)")
    }
  }

  @Test(arguments: [
    "Fuse(debian-section, wordnet-domain)", "Split(debian-section, wordnet-domain, splits=[1, 1])",
    "Split(wordnet-domain, debian-facets, splits=[99999999, 1])", "Stack(debian-section, nope)",
    "BatchSplit(debian-section, truecase, batch_sizes=[1, 1])",
  ])
  func `A setup that cannot act is the error of its line alone`(_ setup: String) throws {
    let predictor = try Shipped.predictor("Parallel(debian-section, truecase)")
    let many = (0..<40).map { "text \($0)" }
    let bad = try Composition(setup)
    let inputs = many.enumerated().map { TextInput($1, setup: $0 % 9 == 4 ? bad : nil, index: $0) }
    let outcomes = try outcomes(predictor, inputs)
    let alone = try predictor.predict(many)
    #expect(outcomes.count == 40)
    for (index, outcome) in outcomes.enumerated() {
      switch outcome {
      case .success(let prediction):
        #expect(index % 9 != 4)
        #expect(prediction.json(allScores: true) == alone[index].json(allScores: true))
      case .failure(let failure):
        #expect(index % 9 == 4 && failure.description.hasPrefix("line \(index + 1): "))
      }
    }
  }

  @Test func `An adapter twice under Parallel has two answers, in the order of the setup`() throws {
    let setup = "Parallel(truecase, debian-section, Stack(debian-facets, truecase))"
    let prediction = try Shipped.predictor(setup).predict(["A Library"])[0]
    #expect(prediction.answers.map(\.head) == ["truecase", "debian-section", "truecase#2"])
    let alone = try Shipped.predictor("truecase").predict(["A Library"])[0]
    #expect(prediction[head: "truecase"] == alone[head: "truecase"])
    let stacked = try Shipped.predictor("Stack(debian-facets, truecase)").predict(["A Library"])[0]
    #expect(stacked.answers.map(\.head) == ["truecase"])
    #expect(prediction[head: "truecase#2"] == stacked[head: "truecase"])
    #expect(prediction[head: "truecase#2"] != prediction[head: "truecase"])
  }

  @Test func `Heads answer in the order in which they are requested`() throws {
    let prediction = try Shipped.predictor("truecase", heads: ["wordnet-domain", "debian-section"]).predict(["a"])[0]
    #expect(prediction.answers.map(\.head) == ["wordnet-domain", "debian-section"])
    // Fewer heads than branches answer those that they follow.
    let part = try Shipped.predictor(
      "Parallel(debian-section, truecase, wordnet-domain)", heads: ["wordnet-domain", "debian-section"]
    ).predict(["a"])[0]
    #expect(part.answers.map(\.head) == ["wordnet-domain", "debian-section"])
    let alone = try Shipped.predictor("wordnet-domain").predict(["a"])[0]
    #expect(part[head: "wordnet-domain"] == alone[head: "wordnet-domain"])
  }

  @Test func `A text is cut at what its head was trained with, unless the caller says otherwise`() throws {
    var model = try Shipped.model.get()
    let long = String(repeating: "some more words in a longer line of text ", count: 70)
    func tokens(_ recorded: Int?, _ requested: Int?) throws -> Int {
      var head = try #require(Shipped.model.get().head("debian-section"))
      head.maximumLength = recorded
      model.replaceHead("debian-section", head)
      try model.setActiveAdapters(.adapter("debian-section"))
      var predictor = try Predictor(model, Shipped.tokenizer.get())
      predictor.maximumLength = requested
      return try predictor.predict([long])[0].tokenCount
    }
    let whole = try Shipped.tokenizer.get().encode(long).ids.count
    #expect(whole > InputLength.standard)
    #expect(try tokens(nil, nil) == InputLength.standard)
    #expect(try tokens(100, nil) == 100)
    #expect(try tokens(0, nil) == whole)
    #expect(try tokens(100, 40) == 40)
    #expect(try tokens(100, 0) == whole)
  }

  @Test func `A length of 0 is the model's limit, whoever says it`() {
    #expect(InputLength.limit(requested: 0, recorded: 100, tokenizer: 16, advised: 31) == 31)
    #expect(InputLength.limit(requested: nil, recorded: 0, tokenizer: 16, advised: 31) == 31)
    #expect(InputLength.limit(requested: 0, recorded: nil, tokenizer: 16, advised: nil) == nil)
    #expect(InputLength.limit(requested: nil, recorded: nil, tokenizer: 16, advised: 31) == 16)
    #expect(InputLength.limit(requested: nil, recorded: nil, tokenizer: 1024, advised: nil) == InputLength.standard)
    #expect(InputLength.limit(requested: 600, recorded: nil, tokenizer: 16, advised: 31) == 600)
  }
}
