import AdapterHost
import Foundation
import TestSupport
import Testing

/// Held-out examples of the shipped adapters, with what the reference made of them.
struct Examples {
  struct Text: Decodable {
    let id: String
    let text: String
  }

  struct Reference: Decodable {
    let id: String
    let inputIDs: [Int32]
    let pred: Labels
    let logits: Numbers?

    enum CodingKeys: String, CodingKey {
      case inputIDs = "input_ids"
      case id, pred, logits
    }
  }

  /// One label, or several: of a text or of its words.
  enum Labels: Decodable, Equatable {
    case one(String)
    case many([String])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      self = try (try? .one(container.decode(String.self))) ?? .many(container.decode([String].self))
    }
  }

  /// Logits, those of one token after those of another.
  struct Numbers: Decodable {
    let values: [Float]

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      values = try (try? container.decode([Float].self)) ?? container.decode([[Float]].self).flatMap { $0 }
    }
  }

  let name: String
  let texts: [Text]
  let references: [Reference]

  init(_ name: String, in folder: URL) throws {
    func lines<Line: Decodable>(_ kind: String) throws -> [Line] {
      try Data(contentsOf: folder.appending(path: "\(name).\(kind).jsonl")).split(separator: UInt8(ascii: "\n"))
        .map { try JSONDecoder().decode(Line.self, from: $0) }
    }
    self.name = name
    texts = try lines("test")
    references = try lines("reference")
  }

  /// How far a predictor agrees with the reference.
  func agreement(of predictor: Predictor) throws -> Agreement {
    var agreement = Agreement(name: name)
    for (prediction, reference) in zip(try predictor.predict(texts.map(\.text)), references) {
      let encoding = try predictor.encode(prediction.input)
      if encoding.ids != reference.inputIDs { agreement.otherIDs.append(reference.id) }
      agreement.count(prediction[head: name], reference.pred)
      guard let expected = reference.logits else { continue }
      let output = try predictor.model([encoding.ids])
      let found = output.heads[name]?.logits.array ?? []
      agreement.compare(found, expected.values, reference.id)
    }
    return agreement
  }
}

struct Agreement {
  let name: String
  var otherIDs: [String] = []
  var labels = 0
  var equalLabels = 0
  var logits = 0
  var otherLogits: [String] = []
  /// The largest difference as a part of what is allowed.
  var worst: Float = 0

  mutating func count(_ answer: Answer?, _ expected: Examples.Labels) {
    switch (answer, expected) {
    case (.label(let best, _)?, .one(let label)):
      labels += 1
      equalLabels += best.label == label ? 1 : 0
    case (.labels(let chosen, _)?, .many(let expected)):
      labels += 1
      equalLabels += chosen.map(\.label) == expected ? 1 : 0
    case (.words(let spans)?, .many(let expected)):
      labels += expected.count
      guard spans.count == expected.count else { break }
      equalLabels += zip(spans, expected).count { $0.label == $1 }
    default: labels += 1
    }
  }

  mutating func compare(_ found: [Float], _ expected: [Float], _ id: String) {
    logits += 1
    guard found.count == expected.count else { return otherLogits.append(id) }
    let excess = zip(found, expected).map { abs($0 - $1) / (1e-4 + 1e-4 * abs($1)) }.max() ?? 0
    worst = max(worst, excess)
    if !(excess <= 1) { otherLogits.append(id) }
  }

  var report: String {
    "\(name): ids differ on \(otherIDs.count) texts, labels agree on \(equalLabels) of \(labels), logits on "
      + "\(logits - otherLogits.count) of \(logits), worst at \(worst) of the tolerance"
  }
}

@Suite struct EvalTests {
  @Test(arguments: Shipped.names)
  func `A shipped adapter answers the shipped examples as the reference does`(_ name: String) throws {
    try check(Examples(name, in: Fixtures.file("eval")), Shipped.predictor(name))
  }

  /// The published adapters on their own base, which lie beside the examples.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["EVAL_DATA"] != nil), arguments: Shipped.names)
  func `An adapter trained in Python answers all held-out examples as there`(_ name: String) throws {
    let folder = URL(filePath: try #require(ProcessInfo.processInfo.environment["EVAL_DATA"]))
    let models = folder.deletingLastPathComponent()
    var model = try DebertaV2AdapterModel(folder: models.appending(path: "base").path, compute: Shipped.compute)
    try model.loadAdapter(models.appending(path: "adapters/\(name)").path, setActive: true)
    try check(Examples(name, in: folder), Predictor(model, Shipped.tokenizer.get()))
  }

  @Test func `The wrong adapter does not agree with the reference`() throws {
    let examples = try Examples("truecase", in: Fixtures.file("eval"))
    var model = try DebertaV2AdapterModel(folder: Shipped.base, compute: Shipped.compute)
    try model.loadAdapter(Shipped.folder("truecase"))
    model.activeHeads = ["truecase"]
    let agreement = try examples.agreement(of: Predictor(model, Shipped.tokenizer.get()))
    #expect(agreement.otherIDs.isEmpty)
    #expect(!agreement.otherLogits.isEmpty)
    #expect(Double(agreement.equalLabels) < 0.995 * Double(agreement.labels))
  }

  private func check(_ examples: Examples, _ predictor: Predictor) throws {
    #expect(examples.texts.map(\.id) == examples.references.map(\.id))
    var predictor = predictor
    predictor.maximumLength = 128
    let agreement = try examples.agreement(of: predictor)
    print(agreement.report)
    #expect(agreement.otherIDs.isEmpty, "\(agreement.report)")
    #expect(Double(agreement.equalLabels) >= 0.995 * Double(agreement.labels), "\(agreement.report)")
    #expect(agreement.logits > 0 && agreement.otherLogits.isEmpty, "\(agreement.report)")
  }
}
