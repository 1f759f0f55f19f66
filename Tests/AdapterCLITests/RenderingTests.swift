import Foundation
import TestSupport
import Testing

@testable import AdapterCLI
@testable import AdapterHost

@Suite struct RenderingTests {
  @Test func `Wide characters count two columns, marks none`() {
    #expect("abc".columns == 3)
    #expect("日本".columns == 4)
    #expect("😀".columns == 2)
    #expect("e\u{301}".columns == 1)
    #expect("日本語".cut(to: 5) == "日本…")
    #expect("abcdef".cut(to: 3) == "ab…")
    #expect("abc".cut(to: 3) == "abc")
  }

  @Test func `What a terminal would act on is spelled out`() {
    #expect("a\u{1B}[31m\nb\u{202E}".onOneLine == "a\\u{1B}[31m b\\u{202E}")
  }

  @Test func `A table fits its width as long as it can`() {
    let table = Table(
      columns: [
        Table.Column(title: "NAME"), Table.Column(title: "METHOD", isOptional: true),
        Table.Column(title: "SIZE", isNumber: true, isOptional: true),
      ],
      rows: [["a-rather-long-name-of-an-adapter", "lora", "1"], ["b", "seq_bn", "12 kB"]])
    #expect(
      table.rendered(width: 80) == [
        "NAME                              METHOD   SIZE", "a-rather-long-name-of-an-adapter  lora        1",
        "b                                 seq_bn  12 kB",
      ])
    #expect(
      table.rendered(width: 36) == [
        "NAME                          METHOD", "a-rather-long-name-of-an-ad…  lora",
        "b                             seq_bn",
      ])
    #expect(table.rendered(width: 30) == ["NAME", "a-rather-long-name-of-an-adap…", "b"])
    #expect(table.rendered(width: 20) == ["NAME", "a-rather-long-name-…", "b"])
    #expect(table.rendered(width: 10) == ["NAME", "a-rather-…", "b"])
  }

  private static let predictions = Result {
    var model = try DebertaV2AdapterModel(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    for name in ["debian-section", "truecase"] {
      try model.loadAdapter(Fixtures.root.appending(path: "Adapters/\(name)").path)
    }
    try model.setActiveAdapters(Composition("Parallel(debian-section, truecase)"))
    let tokenizer = try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    return try Predictor(model, tokenizer).predict([
      "miss woodhouse was invited to mr. weston's house in surrey on tuesday", "", "日本語のテキスト with \u{1B}[31m",
    ])
  }

  @Test func `The pieces for masks stand beside the tokens that they replace`() throws {
    let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
    let predictor = try Predictor(DebertaV2AdapterModel(folder: base), DebertaV2Tokenizer(folder: base))
    let predictions = try predictor.predict(["a [MASK] who plays the [MASK]", "a text"])
    let table = PredictionTable(width: 80, heads: ["default"])
    #expect(
      table.lines(predictions[0]) == [
        "a [MASK] who plays the [MASK]",
        "  default  2: person 0.68 · woman 0.10 · writer 0.03 · man 0.02 · worker 0.01",
        "           7: play 0.18 · player 0.11 · song 0.05 · game 0.05 · ball 0.04",
      ])
    #expect(table.lines(predictions[1]) == ["a text", "  default  (no [MASK])"])
  }

  @Test func `An answer stands beside its place in the context, a choice as its text`() throws {
    let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
    var model = try DebertaV2AdapterModel(folder: base)
    try model.addHead("span", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: 1)
    try model.addHead("pick", HeadSettings(.multipleChoice, labels: ["first", "second"]), seed: 1)
    model.activeHeads = ["span", "pick"]
    let predictor = try Predictor(model, DebertaV2Tokenizer(folder: base))
    let choices = ["a bird", "a plane"]
    let predictions = try predictor.predict([
      TextInput("who?", pair: "it was me", choices: choices)
    ])
    guard case .answer(let answer, _) = predictions[0][head: "span"], let range = answer.range,
      case .choice(let best, let all) = predictions[0][head: "pick"]
    else {
      Issue.record("no answer")
      return
    }
    func score(_ score: Float) -> String { Double(score).formatted(decimals: 2) }
    let table = PredictionTable(width: 80, heads: ["span", "pick"])
    let picked = "  pick  \(choices[best]) \(score(all[best].score))"
    #expect(
      table.lines(predictions[0]) == [
        "who? | it was me",
        "  span  \(answer.text) \(range.lowerBound)-\(range.upperBound) \(score(answer.score))", picked,
      ])
    let whole = PredictionTable(width: 80, heads: ["span", "pick"], showsAllScores: true)
    #expect(
      whole.lines(predictions[0])[2].contains("a bird 0.") && whole.lines(predictions[0])[2].contains("a plane 0."))
  }

  @Test(arguments: [16, 20, 36, 40, 60, 80, 200])
  func `Answers fit the width of the terminal`(_ width: Int) throws {
    for scores in [false, true] {
      let table = PredictionTable(width: width, heads: ["debian-section", "truecase"], showsAllScores: scores)
      for prediction in try Self.predictions.get() {
        for line in table.lines(prediction) {
          #expect(line.columns <= max(width, 36), "\(line)")
          #expect(!line.contains("\u{1B}"))
        }
      }
    }
  }

  @Test func `Labels stand beside their heads, and the usual label of words is a number`() throws {
    let prediction = try Self.predictions.get()[0]
    #expect(
      PredictionTable(width: 80, heads: ["debian-section", "truecase"]).lines(prediction) == [
        "miss woodhouse was invited to mr. weston's house in surrey on tuesday", "  debian-section  net 0.28",
        "  truecase        miss CAPITALIZED 0.77 · woodhouse CAPITALIZED 0.61",
        "                  mr. CAPITALIZED 0.40 · weston's CAPITALIZED 0.96",
        "                  tuesday CAPITALIZED 0.57 · 7 others LOWER",
      ])
    #expect(
      PredictionTable(width: 30, heads: ["debian-section", "truecase"]).lines(prediction).prefix(4) == [
        "miss woodhouse was invited to…", "  debian-section", "    net 0.28", "  truecase",
      ])
  }

  @Test func `A table shows every entity, however many there are of a kind`() throws {
    let predictions = try Self.predictions.get()
    let spans = ["Ada", "Max", "Oslo", "Rome", "Eve"].enumerated().map { index, text in
      LabeledSpan(range: index..<index + 1, text: text, label: index < 3 ? "PER" : "LOC", score: 0.5, all: [])
    }
    func lines(_ answer: Answer) -> [String] {
      let prediction = Prediction(
        input: predictions[0].input, answers: [("ner", answer)], lacks: [], tokenCount: 5, longestSequence: 5,
        isLongestWithChoice: false, truncatedTokens: 0)
      return Array(PredictionTable(width: 80, heads: ["ner"]).lines(prediction).dropFirst())
    }
    #expect(
      lines(.entities(spans)) == [
        "  ner  Ada PER 0.50 · Max PER 0.50 · Oslo PER 0.50 · Rome LOC 0.50", "       Eve LOC 0.50",
      ])
    #expect(lines(.entities([])) == ["  ner  (none)"])
    // Where every word has a label, the usual one is a number.
    #expect(lines(.words(spans)) == ["  ner  Rome LOC 0.50 · Eve LOC 0.50 · 3 others PER"])
  }
}
