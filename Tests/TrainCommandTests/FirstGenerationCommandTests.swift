import AdapterHost
import Foundation
import TestSupport
import Testing

/// Every command once on a checkpoint of DeBERTa v1 with its byte-level tokenizer.
@Suite struct FirstGenerationCommandTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    try FileManager.default.copyItem(atPath: Fixtures.base("v1-bpe"), toPath: place.path("v1"))
  }

  private func succeed(_ arguments: String...) throws -> Workplace.Outcome {
    let outcome = try CommandLineTool.run(arguments, in: place.path(""))
    #expect(outcome.exitCode == 0, "\(arguments): \(outcome)")
    return outcome
  }

  /// The label that each head of a line of answers gives, and its score.
  private func answer(_ outcome: Workplace.Outcome) throws -> (label: String, score: Double) {
    let line = try #require(outcome.lines.first)
    let fields = try ConfigurationFields(JSONValue(Data(line.utf8), file: "answer"), file: "answer")
    let heads = try #require(try fields.object("heads"))
    let name = try #require(heads.members.keys.sorted().first)
    let head = try #require(try heads.object(name))
    return (try #require(try head.string("label")), try #require(try head.number("score")))
  }

  @Test func `A model is registered, an adapter trained, evaluated, used, merged and exported`() throws {
    _ = try succeed("models", "register", "v1", "--as", "first")
    let trained = try succeed(
      "train", "--settings", "run.json", "--model", "first", "--adapter", "animals", "--config", "lora[r=4, alpha=16]",
      "--learning-rate", "0.02", "--seed", "3", "--json")
    #expect(trained.lines.count == 1)
    #expect(try succeed("list", "--model", "first", "--json").output.contains("\"animals\""))

    let evaluated = try succeed(
      "evaluate", "--model", "first", "--setup", "animals", "--data", "dev.jsonl", "--json")
    #expect(evaluated.output.contains("\"accuracy\""), "\(evaluated)")

    let text = "cat dog horse cow sheep"
    let applied = try answer(succeed("predict", "--json", "--model", "first", "--setup", "animals", text))
    #expect(["animal", "program"].contains(applied.label))

    _ = try succeed("merge", "animals", "merged", "--model", "first")
    let configuration = try ConfigurationFields(path: place.path("merged/config.json"))
    #expect(try configuration.strings("architectures") == ["DebertaForSequenceClassification"])
    for file in ["vocab.json", "merges.txt"] { #expect(place.exists("merged/\(file)")) }
    let merged = try answer(succeed("predict", "--json", "--model", "merged", text))
    #expect(merged.label == applied.label && abs(merged.score - applied.score) < 1e-5)

    _ = try succeed("export", "animals", "exported", "--model", "first")
    let saved = try ConfigurationFields(path: place.path("exported/adapter_config.json"))
    #expect(try saved.string("model_type") == "deberta" && saved.string("model_class") == "DebertaAdapterModel")
    let exported = try answer(
      succeed("predict", "--json", "--model", "v1", "--adapter", "animals=exported", "--setup", "animals", text))
    #expect(exported.label == applied.label && abs(exported.score - applied.score) < 1e-6)
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `An adapter of v3 and a SentencePiece tokenizer are refused with the reason`() throws {
    let adapter = try place.run(
      "predict", "x", "--model", "v1", "--adapter", "a=Adapters/debian-section", "--setup", "a")
    #expect(adapter.exitCode == 1 && adapter.messages.contains("'model_type' is 'deberta-v2'"), "\(adapter)")
    for file in ["vocab.json", "merges.txt"] { try FileManager.default.removeItem(atPath: place.path("v1/\(file)")) }
    try FileManager.default.copyItem(
      atPath: place.path("Models/deberta-v3-tiny-en/spm.model"), toPath: place.path("v1/spm.model"))
    let tokenizer = try place.run("tokenize", "x", "--model", "v1")
    #expect(tokenizer.exitCode == 1 && tokenizer.messages.contains("SentencePiece"), "\(tokenizer)")
  }

  /// What Microsoft published is registered as it lies, and merged into what transformers loads.
  @Test func `A checkpoint with its configuration in model_config.json is a base model`() throws {
    let file = place.path("v1/config.json")
    guard case .object(var members) = try JSONValue(path: file) else { return }
    members["model_type"] = nil
    members["architectures"] = nil
    try FileManager.default.removeItem(atPath: file)
    try JSONValue.object(members).write(to: place.path("v1/model_config.json"))
    let tensors = try TensorFile(path: place.path("v1/model.safetensors")).tensors.map {
      try OutgoingTensor(name: "bert." + $0.name, shape: $0.shape, values: $0.floats())
    }
    try Safetensors.write(tensors, to: place.path("v1/model.safetensors"))
    _ = try succeed("models", "register", "v1", "--as", "first")
    #expect(try succeed("inspect", "v1", "--json").output.contains("checkpoint"))
    _ = try succeed("add", "fresh", "--config", "lora", "--model", "first")
    _ = try succeed("merge", "fresh", "merged", "--model", "first")
    let merged = try ConfigurationFields(path: place.path("merged/config.json"))
    #expect(try merged.string("model_type") == "deberta")
    let names = try TensorFile(path: place.path("merged/model.safetensors")).tensors.map(\.name)
    #expect(names.allSatisfy { $0.hasPrefix("deberta.") }, "\(names)")
  }
}
