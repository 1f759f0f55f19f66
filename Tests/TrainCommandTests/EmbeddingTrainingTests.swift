import AdapterHost
import Foundation
import TestSupport
import Testing

/// Word embeddings that are trained with an adapter, and adapters that are trained with the fusion that joins them.
@Suite struct EmbeddingTrainingTests {
  private let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `Trained embeddings are written beside the adapter, and act together`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "x", "--unregistered", "--train-embeddings", "--epochs", "1")
    #expect(outcome.exitCode == 0, "\(outcome)")
    let base = place.path("Models/deberta-v3-tiny-en")
    let texts = ["cat dog horse", "linker kernel java"]
    var model = try DebertaV2AdapterModel(folder: base)
    try model.loadAdapter(place.path("runs/x/x"), setActive: true)
    let tokenizer = try AutoTokenizer.load(folder: base, variant: .slow)
    let ids = try texts.map { try tokenizer.encode($0).ids }
    let untrained = try model(ids).values
    try model.loadEmbeddings(place.path("runs/x/embeddings"), as: "trained")
    let trained = try model(ids).values
    #expect(trained != untrained)
    // The words that were seen have moved, and no other ones by the loss; the tokenizer came along.
    #expect(place.exists("runs/x/embeddings/tokenizer/tokenizer_config.json"))
    let answers = try place.run(
      "predict", "--json", "--model", base, "--adapter", "x=\(place.path("runs/x/x"))", "--embeddings",
      "e=\(place.path("runs/x/embeddings"))", texts[0])
    #expect(answers.exitCode == 0 && answers.output.contains("\"label\""), "\(answers)")
  }

  @Test func `Trained embeddings belong in no registry`() throws {
    let outcome = try place.train("--settings", "run.json", "--adapter", "x", "--train-embeddings")
    #expect(outcome.exitCode == 1 && outcome.messages.contains("'train_embeddings' is true"), "\(outcome)")
    #expect(outcome.messages.contains("--unregistered"))
    let base = try place.train(
      "--settings", "run.json", "--adapter", "x", "--train-embeddings", "--train-base", "--unregistered")
    #expect(base.messages.contains("'train_embeddings' has no effect here: the whole base model is trained"), "\(base)")
  }

  @Test func `Adapters that a Fuse joins are trained with it on request`() throws {
    let setup = [
      "--settings", "run.json", "--setup", "Fuse(debian-section, truecase)", "--adapter", "f", "--unregistered",
    ]
    let fused = try place.train(setup + ["--epochs", "1", "--output", "fused"])
    #expect(fused.exitCode == 0 && !place.exists("fused/debian-section"), "\(fused)")
    let both = try place.train(setup + ["--epochs", "1", "--output", "both", "--unfreeze-adapters"])
    #expect(both.exitCode == 0, "\(both)")
    for name in ["debian-section", "truecase"] {
      let own = try place.bytes("both/\(name)/adapter.safetensors")
      #expect(own != (try? place.bytes("Adapters/\(name)/adapter.safetensors")))
    }
    let idle = try place.train("--settings", "run.json", "--adapter", "x", "--unregistered", "--unfreeze-adapters")
    #expect(idle.messages.contains("'unfreeze_adapters' has no effect here"), "\(idle)")
  }
}
