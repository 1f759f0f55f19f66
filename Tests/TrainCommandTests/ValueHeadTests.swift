import AdapterHost
import Foundation
import TestSupport
import Testing

/// A head with one output that no setting explains: pipelines give its sigmoid, and it is trained as a value.
@Suite struct ValueHeadTests {
  private let folder: TemporaryFolder
  private let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
  private let data: String
  private let tokenizer: DebertaV2Tokenizer

  init() throws {
    folder = try TemporaryFolder()
    data = try folder.write(
      (0..<8).map { "{\"text\": \"sample number \($0)\", \"label\": \(Double($0) - 3.5)}\n" }.joined(), as: "d.jsonl")
    tokenizer = try DebertaV2Tokenizer(folder: base)
  }

  private func model(_ meaning: OutputMeaning) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: base, compute: Compute(threads: 1))
    try model.addHead("x", HeadSettings(.classification, labels: ["x"], meaning: meaning), seed: 3)
    model.activeHeads = ["x"]
    return model
  }

  private func error(_ meaning: OutputMeaning) throws -> Double? {
    let results = try HeadEvaluation(data: data).results(of: model(meaning), tokenizer)
    return results.first?.result.metrics.first { $0.name == "mean_squared_error" }?.value
  }

  private let unexplained = OutputMeaning(score: .sigmoid, target: .identity)

  @Test func `It is evaluated as a value`() throws {
    let value = try error(OutputMeaning(score: .identity))
    #expect(try error(OutputMeaning(score: .sigmoid)) != value)
    #expect(try value != nil && error(unexplained) == value)
  }

  @Test func `It is trained as a value, and gives the value from then on`() throws {
    let recipe = try TrainingRecipe(
      ["train": .string(data), "steps": .integer(2), "train_base": .bool(false)], file: "recipe")
    func trained(_ meaning: OutputMeaning) throws -> PredictionHead? {
      let job = try TrainingJob(recipe, adapter: "x", model: model(meaning), tokenizer, folder: base)
      _ = try job.run(output: nil)
      return try job.trainedModel().head("x")
    }
    // Values outside of 0...1 are no probabilities.
    #expect(throws: TrainingJobError.self) { try trained(OutputMeaning(score: .sigmoid)) }
    let value = try #require(try trained(OutputMeaning(score: .identity)))
    let own = try #require(try trained(unexplained))
    #expect(own.settings.meaning == OutputMeaning(score: .identity))
    let compute = Compute(threads: 1)
    #expect(own.tensors(compute).map(\.values) == value.tensors(compute).map(\.values))
    #expect(try own.tensors(compute).map(\.values) != model(unexplained).head("x")?.tensors(compute).map(\.values))
  }
}
