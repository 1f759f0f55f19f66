import Checkpoints
import Foundation
import Testing

@testable import Training

/// Held-out examples that the package ships, with what the reference made of them.
@Suite struct ShippedDataTests {
  private func path(_ name: String) -> String { root.appending(path: "Tests/Fixtures/eval/\(name)").path }

  private func objects(_ name: String) throws -> [ConfigurationFields] {
    try String(contentsOfFile: path(name), encoding: .utf8).split(separator: "\n").map {
      try ConfigurationFields(JSONValue(Data($0.utf8), file: name), file: name)
    }
  }

  private func dataset(
    _ name: String, for task: TrainingTask
  ) throws -> (SourceData, LabelVocabulary, TrainingDataset) {
    let published = try ConfigurationFields(path: path("\(name).metrics.json"))
    let labels = try LabelVocabulary(try #require(try published.strings("labels")))
    let source = try SourceData(path: path("\(name).test.jsonl"), for: task, tolerance: .none)
    let encoder = ExampleEncoder(try shippedTokenizer.get(), for: task, labels: labels, maximumLength: 128)
    return (source, labels, try encoder.dataset(source))
  }

  @Test(arguments: [
    ("debian-section", TrainingTask.classification), ("wordnet-domain", .classification),
    ("debian-facets", .multilabelClassification), ("truecase", .tagging),
  ])
  func `Examples have the reference's tokens`(_ name: String, _ task: TrainingTask) throws {
    let (_, _, dataset) = try dataset(name, for: task)
    let reference = try objects("\(name).reference.jsonl")
    #expect(dataset.examples.count == reference.count && dataset.faults.count == 0)
    for (example, line) in zip(dataset.examples, reference) {
      #expect(example.sequences[0].ids.map(Int.init) == (try line.integers("input_ids")))
    }
  }

  @Test func `Labels of words are theirs, and words without one are not counted`() throws {
    let (source, labels, dataset) = try dataset("truecase", for: .tagging)
    #expect(source.answers.contains { if case .tags(let tags) = $0 { tags.contains(nil) } else { false } })
    for (example, answer) in zip(dataset.examples, source.answers) {
      guard case .tags(let tags) = answer, case .tokens(let targets) = example.target else {
        Issue.record("no tags")
        continue
      }
      let named = targets.filter { $0 != Target.notCounted }.map { labels.names[Int($0)] }
      #expect(named == tags.compactMap { $0?.description })
    }
  }

  @Test func `A thousand predictions give the metrics that were computed in Python`() throws {
    let (_, labels, dataset) = try dataset("wordnet-domain", for: .classification)
    let targets = dataset.examples.map { if case .label(let label) = $0.target { label } else { -1 } }
    let predictions = try objects("wordnet-domain.reference.jsonl").map {
      try labels.index(of: .name(try #require(try $0.string("pred"))))
    }
    let result = EvaluationResult.classification(predictions, targets)
    let published = try ConfigurationFields(path: path("wordnet-domain.metrics.json")).object("metrics")
    #expect(result["accuracy"] == (try published?.number("accuracy")))
    let macroF1 = try #require(try published?.number("macro_f1"))
    #expect(abs(try #require(result["macro_f1"]) - macroF1) < 1e-5)
  }
}
