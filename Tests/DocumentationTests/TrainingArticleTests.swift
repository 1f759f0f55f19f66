import AdapterHost
import Foundation
import TestSupport
import Testing

/// The examples of 'Training', in their order.
@Suite struct TrainingArticleTests {
  private let here: Workplace

  init() throws { here = try Workplace() }

  private func writeData() throws {
    let topics = [("a library for reading files", "software"), ("a small rodent with a long tail", "animal")]
    let lines = (0..<16).map { "{\"text\": \"\(topics[$0 % 2].0), number \($0)\", \"label\": \"\(topics[$0 % 2].1)\"}" }
    try lines.joined(separator: "\n").write(toFile: here("topics.jsonl"), atomically: true, encoding: .utf8)
  }

  @Test func anAdapterIsTrainedSavedAndAnswers() throws {
    try writeData()
    let model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    let tokenizer = try DebertaV2Tokenizer(folder: here("Models/deberta-v3-tiny-en"))
    let recipe = try TrainingRecipe(
      [
        "train": .string(here("topics.jsonl")), "head": .string("classification"), "config": .string("lora[r=4]"),
        "epochs": .integer(6), "batch_size": .integer(4), "learning_rate": .number(5e-3),
      ], file: "the example")
    let job = try TrainingJob(
      recipe, adapter: "topics", model: model, tokenizer, folder: here("Models/deberta-v3-tiny-en"))
    let summary = try job.run(output: here("runs/topics")) { event in
      if case .step(let step) = event { print(step.step, step.loss) }
      return .continue
    }
    let trained = try job.trainedModel()
    try trained.saveAdapter("topics", to: here("runs/topics/topics"))

    #expect(summary.end == .completed && summary.steps == 24)
    let untrained = try TrainingJob(
      recipe, adapter: "topics", model: model, tokenizer, folder: here("Models/deberta-v3-tiny-en"))
    let evaluation = HeadEvaluation(data: here("topics.jsonl"))
    func accuracy(_ model: DebertaV2AdapterModel) throws -> Double {
      try evaluation.results(of: model, tokenizer)[0].result.primary.value
    }
    #expect(try accuracy(untrained.trainedModel()) < 0.9)
    #expect(try accuracy(trained) == 1)
  }

  @Test func aLoopOfOnesOwnLowersTheLoss() throws {
    var model = try DebertaV2AdapterModel(folder: here("Models/deberta-v3-tiny-en"))
    try model.addAdapter("topics", configuration: "seq_bn")
    try model.addHead("topics", HeadSettings(.classification, labels: ["software", "animal"]))

    let trainable = try model.trainable(
      .adapter("topics"), heads: ["topics"], folder: here("Models/deberta-v3-tiny-en"))
    let optimizer = Optimizer(AdamW(), for: trainable.parameters)
    var losses: [Float] = []
    for step in 0..<8 {
      let tape = Tape(model.compute)
      for parameter in trainable.parameters { tape.watch(parameter.value) }
      let pass = Pass(model.compute, tape: tape, dropout: DropoutSeed(seed: 1, step: step))
      let output = try trainable.bound(on: pass)(
        Batch([[1, 309, 2], [1, 2077, 310, 2]]), .composition(trainable.setup), heads: ["topics"], on: pass)
      let (loss, _) = try output.loss([.label(0), .label(1)], on: pass)
      losses.append(loss.array[0])
      tape.backward(from: loss)
      let gradients = Gradients(trainable.parameters.map { tape.gradient(of: $0.value) })
      optimizer.step(gradients, rate: 1e-2, on: model.compute)
    }
    #expect(losses[7] < losses[0] / 4)
  }
}
