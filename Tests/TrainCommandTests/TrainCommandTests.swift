import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct TrainCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `A head that learned nothing guesses`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "untrained", "--unregistered", "--learning-rate", "0")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(outcome.output.contains(": accuracy 0.5000, macro_f1 0.3333, matthews_correlation 0.0000.\n"))
  }

  @Test func `What was trained answers, is registered with its metrics, and is judged alike again`() throws {
    let outcome = try place.train("--settings", "run.json", "--adapter", "animals", "--test", "dev.jsonl", "--json")
    #expect(outcome.exitCode == 0, "\(outcome)")
    let metrics = #"{"accuracy": 1.0, "macro_f1": 1.0, "matthews_correlation": 1.0}"#
    #expect(outcome.output.contains("\"test\": [\(metrics)]"))
    #expect(outcome.lines.count == 1)

    let row = try #require(place.registered().first { $0.name == "animals" })
    #expect(row.head == HeadDescription(kind: "classification", labels: ["animal", "program"]))
    #expect(row.source == "trained on train.jsonl, 12 steps, seed 0")
    #expect(row.metrics?.contains("\"dev\": \(metrics)") == true, "\(row.metrics ?? "")")
    #expect(row.metrics?.contains("\"test\": \(metrics)") == true, "\(row.metrics ?? "")")

    let judged = try place.run("evaluate", "--setup", "animals", "--data", "dev.jsonl")
    #expect(judged.exitCode == 0 && judged.messages.isEmpty, "\(judged)")
    #expect(judged.output.contains("\"head\": \"animals\"") && judged.output.contains("\"metrics\": \(metrics)"))
    let folder = try place.run(
      "evaluate", "--model", "Models/deberta-v3-tiny-en", "--adapter", "other=runs/animals/animals", "--data",
      "dev.jsonl")
    #expect(folder.output == judged.output.replacing("animals", with: "other"))
    #expect(try place.run("verify").exitCode == 0)
    for name in ["log.jsonl", "curves.svg", "summary.json"] { #expect(place.exists("runs/animals/\(name)")) }
  }

  @Test func `A saved adapter is trained on`() throws {
    let before = try place.trained("first")
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "second=runs/first/first", "--unregistered", "--learning-rate", "0")
    #expect(outcome.exitCode == 0, "\(outcome)")
    let after = try place.files("runs/second/second")
    #expect(after.keys == before.keys)
    #expect(try tensors("runs/second/second", of: "second") == tensors("runs/first/first", of: "first"))
  }

  @Test func `Without a registry the result stays in its folder, which is told`() throws {
    try FileManager.default.removeItem(atPath: place.path("registry.sqlite"))
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "alone", "--model", "Models/deberta-v3-tiny-en")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(
      outcome.messages.hasPrefix("The base model is in no registry, so the result will be in runs/alone alone.\n"))
    #expect(outcome.output.hasSuffix("\nSaved to runs/alone/alone.\n"))
  }

  // MARK: Setups

  @Test func `Parallel trains a head for each branch, and each has its own metrics`() throws {
    let outcome = try place.train("--settings", "run.json", "--setup", "Parallel(p, q)", "--test", "dev.jsonl")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(outcome.messages.hasPrefix("Training Parallel(p, q) with the heads p, q (classification): "))
    #expect(outcome.output.contains("\nTest of q: accuracy "))
    #expect(outcome.output.hasSuffix("Saved to runs/q/p.\nSaved to runs/q/q.\nRegistered p, q.\n"))
    let judged = try place.run("evaluate", "--setup", "Parallel(p, q)", "--data", "dev.jsonl")
    #expect(judged.lines.count == 2 && judged.lines.allSatisfy { $0.contains("\"accuracy\": 1.0,") }, "\(judged)")
    #expect(
      try place.registered().filter { ["p", "q"].contains($0.name) }.allSatisfy { $0.metrics?.contains("dev") == true })
    #expect(try tensors("runs/q/p", of: "p") != tensors("runs/q/q", of: "q"))
  }

  @Test func `Fuse trains the fusion and its head alone, and registers them`() throws {
    let before = try place.files("Adapters/truecase")
    let outcome = try place.train(
      "--settings", "run.json", "--setup", "Fuse(debian-section, truecase)", "--adapter", "fused")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(
      outcome.output.hasSuffix("\nSaved to runs/fused/debian-section,truecase.\nRegistered fused.\n"), "\(outcome)")
    let names = try FileManager.default.contentsOfDirectory(atPath: place.path("runs/fused/debian-section,truecase"))
    #expect(
      names.sorted() == [
        "adapter_fusion_config.json", "head_config.json", "model_adapter_fusion.safetensors",
        "model_head.safetensors", "pytorch_model_adapter_fusion.bin", "pytorch_model_head.bin", "recipe.json",
      ])
    // The registry keeps one file of each.
    let kept = try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters/fused"))
    #expect(kept.sorted() == names.filter { !$0.hasSuffix(".bin") }.sorted())
    #expect(try place.files("Adapters/truecase") == before)
    #expect(try place.registered().map(\.name).sorted() == Workplace.shipped)
  }

  @Test(arguments: [true, false])
  func `A frozen adapter keeps its bits, and others do not`(_ freezes: Bool) throws {
    let recipe = try TrainingRecipe(
      [
        "train": .string(place.path("train.jsonl")), "head": .string("classification"), "steps": .integer(3),
        "setup": .string("Stack(truecase, top)"), "freeze": .array(freezes ? [.string("truecase")] : []),
      ], file: "test")
    let folder = place.path("Models/deberta-v3-tiny-en")
    var model = try DebertaV2AdapterModel(folder: folder, compute: Compute(threads: 2))
    try model.loadAdapter(place.path("Adapters/truecase"), as: "truecase")
    let job = try TrainingJob(recipe, adapter: "top", model: model, DebertaV2Tokenizer(folder: folder), folder: folder)
    _ = try job.run(output: nil)
    #expect(job.trainedAdapters == (freezes ? ["top"] : ["truecase", "top"]))
    try model.saveAdapter("truecase", to: place.path("before"))
    try job.trainedModel().saveAdapter("truecase", to: place.path("after"))
    let name = "adapter.safetensors"
    #expect(try (place.bytes("before/\(name)") == place.bytes("after/\(name)")) == freezes)
  }

  @Test func `States of lower layers that are kept change nothing`() throws {
    let upper = ["--settings", "upper.json", "--unregistered", "--config", "seq_bn[leave_out=[0,1]]"]
    var results: [[String: Data]] = []
    for memory in [1024, 0] {
      try place.write(
        """
        {"head": "classification", "train": "train.jsonl", "dev": "dev.jsonl", "epochs": 3, "batch_size": 16,
         "dropout": false, "prefix_memory": \(memory)}
        """, as: "upper.json")
      let outcome = try place.train(upper + ["--adapter", "upper", "--output", "with-\(memory)"])
      #expect(outcome.exitCode == 0, "\(outcome)")
      results.append(try place.files("with-\(memory)/upper").filter { $0.key != "recipe.json" })
    }
    #expect(results[0] == results[1])
    #expect(results[0].count == 6)
  }

  @Test func `A trained base model is a checkpoint`() throws {
    let outcome = try place.train("--settings", "run.json", "--adapter", "whole", "--train-base", "--steps", "2")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(outcome.output.hasSuffix("\nSaved to runs/whole/model.\nRegistered whole.\n"))
    #expect(try place.run("predict", "a cat", "--model", "whole", "--json").exitCode == 0)
    #expect(try place.run("inspect", "runs/whole/model").exitCode == 0)
    // Its head is saved with it, and answers.
    let answer = try place.run("predict", "a cat", "--model", "runs/whole/model", "--json")
    #expect(answer.exitCode == 0 && answer.output.contains("\"animal\""), "\(answer)")
    // It stays with the base when that is trained behind an adapter, whose head goes with the adapter.
    let again = try place.train(
      "--settings", "run.json", "--adapter", "top", "--setup", "top", "--model", "runs/whole/model", "--train-base",
      "--steps", "1")
    #expect(
      again.output.hasSuffix("\nSaved to runs/top/top.\nSaved to runs/top/model.\nRegistered top, top.\n"), "\(again)")
    #expect(try place.run("verify").exitCode == 0)
    func classifier(_ folder: String) throws -> [Float] {
      let file = try TensorFile(path: place.path("\(folder)/model.safetensors"))
      return try #require(file.tensors.first { $0.name == "classifier.weight" }).floats()
    }
    #expect(try classifier("runs/top/model") == classifier("runs/whole/model"))
    #expect(place.exists("runs/top/top/model_head.safetensors"))
    #expect(
      try place.bytes("runs/whole/model/model.safetensors")
        != place.bytes("Models/deberta-v3-tiny-en/model.safetensors"))
  }

  @Test func `Heads behind adapters that stay as they are are saved alone, not as the base's`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "m", "--setup", "Parallel(x, y)", "--freeze", "x,y", "--train-base",
      "--steps", "1")
    #expect(
      outcome.output.hasSuffix(
        "\nSaved to runs/m/x-head.\nSaved to runs/m/y-head.\nSaved to runs/m/model.\nRegistered m.\n"),
      "\(outcome)")
    #expect(!place.exists("runs/m/model/head_config.json"))
  }

  @Test func `A masked language model is trained on with its own head, and saved as it was`() throws {
    let texts = (0..<24).map { "The cat number \($0) sat on the mat and looked at the dog." }.joined(separator: "\n")
    try place.write(texts, as: "texts.txt")
    let base = "Models/deberta-v3-tiny-en"
    let outcome = try place.train(
      "--adapter", "default", "--train-base", "--model", base, "--train", "texts.txt", "--dev", "texts.txt", "--steps",
      "4", "--learning-rate", "1e-3", "--seed", "0", "--json")
    #expect(outcome.exitCode == 0, "\(outcome)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.path("runs/default/model")).sorted().contains(
        "model.safetensors"))
    #expect(!place.exists("runs/default/model/head_config.json"))
    let (before, after) = (
      try TensorFile(path: place.path("\(base)/model.safetensors")),
      try TensorFile(path: place.path("runs/default/model/model.safetensors"))
    )
    #expect(before.tensors.map(\.name) == after.tensors.map(\.name))
    for (old, new) in zip(before.tensors, after.tensors) where old.name.hasPrefix("cls.") {
      #expect(try old.floats() != new.floats(), "\(old.name)")
    }
    // The checkpoint is the model that was judged at the end of the run, and not the one that it began with.
    func loss(_ name: String) throws -> Double {
      let folder = place.path(name)
      let model = try DebertaV2AdapterModel(folder: folder, compute: Compute(threads: 2))
      return try HeadEvaluation(data: place.path("texts.txt")).results(
        of: model, DebertaV2Tokenizer(folder: folder))[0].result.primary.value
    }
    #expect(try loss(base) != loss("runs/default/model"))
    #expect(outcome.output.contains(try "\"loss\": \(loss("runs/default/model"))"), "\(outcome)")
  }

  /// The values of an adapter's tensors, by names without its own.
  private func tensors(_ folder: String, of adapter: String) throws -> [String: [Float]] {
    let file = try TensorFile(path: place.path("\(folder)/adapter.safetensors"))
    return try Dictionary(
      uniqueKeysWithValues: file.tensors.map { ($0.name.replacing(".\(adapter).", with: ".X."), try $0.floats()) })
  }
}
