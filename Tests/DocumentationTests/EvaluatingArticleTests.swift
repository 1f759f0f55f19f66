import AdapterHost
import Foundation
import TestSupport
import Testing

/// The example of 'Evaluating'.
@Suite struct EvaluatingArticleTests {
  private let here: Workplace

  init() throws { here = try Workplace() }

  @Test func aHeadIsMeasuredAndItsWrongRowsAreFound() throws {
    let rows = [("a library for reading files", "libs"), ("a game of chess", "libs"), ("a Python module", "python")]
    try rows.map { "{\"text\": \"\($0)\", \"label\": \"\($1)\"}\n" }.joined()
      .write(toFile: here("test.jsonl"), atomically: true, encoding: .utf8)
    var model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try model.loadAdapter(here("Adapters/debian-section"), setActive: true)
    let tokenizer = try AutoTokenizer.load(folder: here("Models/deberta-v3-tiny-en"))

    let heads = try HeadEvaluation(data: here("test.jsonl")).results(of: model, tokenizer)
    let report = heads[0].report()
    print(report.result.primary.value, report.intervals["macro_f1"]?.lower ?? 0)
    for row in report.labels?.rows ?? [] { print(row.label, row.counts.f1, row.counts.actual) }
    let wrong = heads[0].lines(onlyWrong: true)

    #expect(report.outcomes.all.count == 3 && report.labels?.micro.actual == 3)
    #expect(wrong.count == report.outcomes.all.indices.count { report.outcomes.isRight($0) == false })
    #expect(heads[0].lines().count == 3)
  }
}
