import AdapterHost
import TestSupport
import Testing

/// What people see of a base model whose weights are rounded.
@Suite struct PrecisionTests {
  @Test(arguments: Shipped.names, [Precision.int8, .bf16])
  func `Shipped adapters decide as in float32`(_ adapter: String, _ precision: Precision) throws {
    var model = try DebertaV2AdapterModel(folder: Shipped.base, compute: Compute(precision: precision))
    try model.loadAdapter(Shipped.folder(adapter), setActive: true)
    let sentences = texts.filter { $0.count > 12 }
    let rounded = try Predictor(model, Shipped.tokenizer.get()).predict(sentences)
    let exact = try Shipped.predictor(adapter).predict(sentences)
    #expect(rounded.map { $0.json(allScores: true) } != exact.map { $0.json(allScores: true) }, "nothing was rounded")
    for (ours, expected) in zip(rounded, exact) {
      #expect(ours[head: adapter].map(decision) == expected[head: adapter].map(decision))
    }
  }
}

/// An answer without its scores.
private func decision(_ answer: Answer) -> [String] {
  switch answer {
  case .label(let label, _): [label.label]
  case .labels(let labels, _): labels.map(\.label)
  case .words(let spans), .entities(let spans): spans.map { "\($0.range) \($0.label)" }
  default: ["\(answer)"]
  }
}
