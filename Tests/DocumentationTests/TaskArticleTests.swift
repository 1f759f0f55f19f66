import AdapterHost
import Foundation
import TestSupport
import Testing

/// The examples of the articles on tasks.
@Suite struct TaskArticleTests {
  private static let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
  private let tokenizer: DebertaV2Tokenizer

  init() throws { tokenizer = try DebertaV2Tokenizer(folder: Self.base) }

  /// The embedded base with one of its adapters.
  private func model(_ adapter: String?) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: Self.base)
    if let adapter {
      try model.loadAdapter(Fixtures.root.appending(path: "Adapters/\(adapter)").path, setActive: true)
    }
    return model
  }

  /// The embedded base with a fresh head.
  private func model(_ settings: HeadSettings) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: Self.base)
    try model.addHead("own", settings, seed: 1)
    model.activeHeads = ["own"]
    return model
  }

  @Test func aModelComputesInAnotherPrecision() throws {
    let base = Self.base
    let compute = Compute(precision: .int8)
    let model = try DebertaV2AdapterModel(folder: base, compute: compute)
    #expect(model.precision == .int8)
    #expect(try DebertaV2AdapterModel(folder: base).precision == .float32)
  }

  @Test func textsAreClassified() throws {
    let model = try model("debian-section")
    var options = AnswerOptions()
    options.classification.topK = 3
    let predictor = try Predictor(model, tokenizer, options: options)
    if case .label(_, let best) = try predictor.predict(["A library for reading PDF files."])[0].answers[0].answer {
      for label in best { print(label.label, label.score) }
    }
    guard case .label(_, let best) = try predictor.predict(["A library for reading PDF files."])[0].answers[0].answer
    else {
      Issue.record("no label")
      return
    }
    #expect(best.count == 3)
  }

  @Test func namesAreFound() throws {
    let model = try model("truecase")
    let text = "miss woodhouse went to surrey"
    var options = AnswerOptions()
    options.tagging = TaggingOptions(aggregationStrategy: .first, stride: 32)
    let predictor = try Predictor(model, tokenizer, options: options)
    if case .entities(let spans) = try predictor.predict([text])[0].answers[0].answer {
      for span in spans { print(text[span.range.indices(in: text)], span.label, span.score) }
    }
    guard case .entities(let spans) = try predictor.predict([text])[0].answers[0].answer else {
      Issue.record("no spans")
      return
    }
    #expect(!spans.isEmpty && spans.allSatisfy { text[$0.range.indices(in: text)] == $0.text })
  }

  @Test func questionsAreAnswered() throws {
    let model = try model(HeadSettings(.questionAnswering, labels: ["start", "end"]))
    var options = AnswerOptions()
    options.questions.topK = 2
    let predictor = try Predictor(model, tokenizer, options: options)
    let question = TextInput("Who wrote it?", pair: "Mary Shelley wrote it.")
    if case .answer(_, let answers) = try predictor.predict([question])[0].answers[0].answer {
      for answer in answers { print(answer.text, answer.range ?? 0..<0, answer.score) }
    }
    guard case .answer(_, let answers) = try predictor.predict([question])[0].answers[0].answer else {
      Issue.record("no answer")
      return
    }
    #expect(answers.count == 2)
  }

  @Test func masksAreFilled() throws {
    let model = try model(nil)
    var options = AnswerOptions()
    options.masks.topK = 2
    let predictor = try Predictor(model, tokenizer, options: options)
    if case .masks(let masks) = try predictor.predict(["A [MASK] who plays the piano"])[0].answers[0].answer {
      for guess in masks[0].predictions { print(guess.text, guess.score, guess.filled) }
    }
    guard case .masks(let masks) = try predictor.predict(["A [MASK] who plays the piano"])[0].answers[0].answer else {
      Issue.record("no masks")
      return
    }
    #expect(masks[0].predictions.map(\.filled) == ["A person who plays the piano", "A woman who plays the piano"])
  }

  @Test func labelsNeedNoTraining() throws {
    let model = try model(HeadSettings(.classification, labels: ["contradiction", "neutral", "entailment"]))
    var options = AnswerOptions()
    options.zeroShot = try ZeroShotOptions(candidateLabels: ["sport", "politics"])
    let predictor = try Predictor(model, tokenizer, options: options)
    if case .zeroShot(let labels) = try predictor.predict(["The match ended late."])[0].answers[0].answer {
      print(labels[0].label, labels[0].score)
    }
    guard case .zeroShot(let labels) = try predictor.predict(["The match ended late."])[0].answers[0].answer else {
      Issue.record("no labels")
      return
    }
    #expect(labels.count == 2)
  }

  @Test func textsAreRankedAndChosen() throws {
    let model = try model(HeadSettings(.classification, labels: ["score"]))
    let predictor = try Predictor(model, tokenizer)
    let pairs = ["Mix flour and yeast.", "A history of iron."].map { TextInput("bake bread", pair: $0) }
    let scores = try predictor.predict(pairs).map(\.answers[0].answer)
    print(scores)
    #expect(scores.count == 2 && scores[0] != scores[1])

    let chooser = try Predictor(self.model(HeadSettings(.multipleChoice, labels: ["a", "b"])), tokenizer)
    let riddle = TextInput("The sky is", choices: ["blue", "a kind of soup"])
    if case .choice(let index, let all) = try chooser.predict([riddle])[0].answers[0].answer {
      print(all[index].label, all[index].score)
    }
    guard case .choice(_, let all) = try chooser.predict([riddle])[0].answers[0].answer else {
      Issue.record("no choice")
      return
    }
    #expect(all.count == 2)
  }

  @Test func textsAreCompared() throws {
    let model = try model("debian-section")
    let embedder = try Embedder(model, tokenizer, EmbeddingOptions(normalize: true))
    let vectors = try embedder.embed(["A library for PDF files.", "Reads documents."])
    print(vectors[0].cosineSimilarity(to: vectors[1]))
    #expect(vectors.count == 2 && vectors[0].count == model.configuration.hiddenSize)
  }
}
