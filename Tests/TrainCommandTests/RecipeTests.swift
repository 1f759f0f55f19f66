import AdapterHost
import Foundation
import TestSupport
import Testing

/// A run keeps everything that it was done by, and goes on or is done again by that alone.
@Suite struct RecipeTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private func recipe(_ folder: String) throws -> ConfigurationFields {
    try ConfigurationFields(path: place.path("\(folder)/recipe.json"))
  }

  @Test func `The recipe has every setting, the labels of the data and the digests of the files`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "x", "--config", "lora[r=4]", "--learning-rate", "0.00123", "--seed", "5",
      "--output", "runs/r")
    #expect(outcome.exitCode == 0, "\(outcome)")
    let fields = try recipe("runs/r")
    let texts = ["adapter": "x", "config": "lora[r=4]", "head": "classification", "train": "train.jsonl"]
    for (key, value) in texts { #expect(try fields.string(key) == value) }
    #expect(try fields.number("learning_rate") == 0.00123)
    #expect(try fields.integer("seed", in: 0...9) == 5)
    #expect(try fields.string("model") == "deberta-v3-tiny-en")
    #expect(try fields.strings("labels") == ["animal", "program"])
    #expect(try fields.integer("max_length", in: 0...9999) == 512)
    let digest = ContentDigest(of: try place.bytes("train.jsonl")).text
    #expect(try fields.object("record")?.string("train") == digest)
    #expect(fields.members["masking_rate"] == nil && fields.members["label_smoothing"] != nil)
    let summary = try ConfigurationFields(path: place.path("runs/r/summary.json"))
    #expect(summary.members["recipe"] == .object(fields.members))
    let shown = try place.run("show", "x", "--json")
    #expect(shown.output.contains("\"recipe\": {") && shown.output.contains("\"learning_rate\": 0.00123"), "\(shown)")
    #expect(try place.bytes("runs/r/x/recipe.json") == place.bytes("runs/r/recipe.json").dropLast())
  }

  @Test func `The tokenizer's variant is a setting like others`() throws {
    let slow = try place.trained("x", "--steps", "1")
    #expect(try recipe("runs/x").string("tokenizer") == "slow")
    let text = try place.text("train.jsonl").replacing("cat", with: "☃ cat")
    try place.write(text, as: "train.jsonl")
    let (own, other) = (
      try place.trained("y", "--steps", "1"), try place.trained("z", "--steps", "1", "--tokenizer", "fast")
    )
    #expect(try recipe("runs/z").string("tokenizer") == "fast")
    #expect(own["pytorch_adapter.bin"] != other["pytorch_adapter.bin"] && slow.count == own.count)
    let refused = try place.train("--settings", "run.json", "--adapter", "w", "--tokenizer", "quick")
    #expect(refused.exitCode == 64, "\(refused)")
    func evaluated(_ variant: String) throws -> String {
      let outcome = try place.run(
        "evaluate", "--adapter", "y=runs/y/y", "--data", "train.jsonl", "--tokenizer", variant, "--json")
      #expect(outcome.exitCode == 0, "\(outcome)")
      return outcome.output
    }
    #expect(try evaluated("slow").contains("accuracy") && evaluated("fast").contains("accuracy"))
  }

  @Test func `Another run by the recipe ends with the same bits`() throws {
    _ = try place.trained("x", "--config", "lora[r=4]", "--seed", "3")
    let again = try place.train("--settings", "runs/x/recipe.json", "--output", "again")
    #expect(again.exitCode == 0, "\(again)")
    #expect(try place.files("again/x") == place.files("runs/x/x"))
    try place.write(place.text("train.jsonl") + "{\"text\": \"cat\", \"label\": \"animal\"}\n", as: "train.jsonl")
    let changed = try place.train("--settings", "runs/x/recipe.json", "--output", "changed")
    #expect(changed.exitCode == 0)
    #expect(
      changed.messages.contains(
        /The examples of 'train' are not those of the recipe: their digest was [0-9a-f]{12}, and is/),
      "\(changed)")
  }

  private func stop(_ output: String, with signal: Int32) throws -> (code: Int32, wasKilled: Bool, messages: String) {
    try place.interrupt(
      ["--settings", "run.json", "--adapter", "x", "--unregistered", "--epochs", "40", "--output", output], with: signal
    ) { (try? place.text("\(output)/log.jsonl").contains("\"step\"")) == true }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `However a run is asked to end, it saves its state, and its exit code says by what`(_ signal: Int32) throws {
    let stopped = try stop("stopped", with: signal)
    #expect(stopped.code == 128 + signal && !stopped.wasKilled, "\(stopped)")
    #expect(place.exists("stopped/training-state.safetensors"))
  }

  @Test func `A run goes on by its recipe, without other flags`() throws {
    #expect(try stop("runs/s", with: SIGINT).code == 130)
    let resumed = try place.train("--resume", "--output", "runs/s", "--learning-rate", "1e-4")
    #expect(resumed.exitCode == 0, "\(resumed)")
    #expect(resumed.messages.contains("\nFrom here on: learning_rate was 0.001, is 0.0001.\n"), "\(resumed)")
    #expect(try recipe("runs/s").number("learning_rate") == 0.0001)
    #expect(try place.registered().map(\.name).sorted() == Workplace.shipped)
  }

  @Test func `A flag that contradicts the recipe is an error, and so are other data`() throws {
    #expect(try stop("runs/s", with: SIGINT).code == 130)
    let log = try place.text("runs/s/log.jsonl")
    for (flags, difference) in [
      (["--seed", "5"], "seed was 0, is 5"), (["--steps", "9"], "epochs was 40, is absent; steps was absent, is 9"),
      (["--head", "tagging"], "head was \"classification\", is \"tagging\""),
      (["--config", "lora"], "config was \"seq_bn\", is \"lora\""),
    ] {
      let outcome = try place.train(["--resume", "--output", "runs/s"] + flags)
      #expect(
        outcome.messages == "Error: runs/s/recipe.json: this is the state of another run, which cannot be resumed: "
          + "\(difference). Use the settings and data of that run, or choose another folder.\n")
      #expect(outcome.exitCode == 1)
    }
    // As many bytes as before.
    try place.write(place.text("train.jsonl").replacing("cat", with: "rat"), as: "train.jsonl")
    let changed = try place.train("--resume", "--output", "runs/s")
    #expect(changed.exitCode == 1)
    #expect(changed.messages.contains("the digest of train was "), "\(changed)")
    #expect(try place.text("runs/s/log.jsonl") == log)
  }

  @Test func `Where no run was begun none goes on`() throws {
    let outcome = try place.train("--resume", "--output", "runs/none")
    #expect(
      outcome
        == Workplace.Outcome(
          output: "",
          messages: "Error: runs/none: there is no state of a run to resume. Was it begun with another folder?\n",
          exitCode: 1))
    #expect(try place.train("--resume").exitCode == 64)
  }

  @Test func `Adapters of one run do not begin alike`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--setup", "Parallel(p, q)", "--learning-rate", "0", "--unregistered")
    #expect(outcome.exitCode == 0, "\(outcome)")
    func values(_ name: String) throws -> [[Float]] {
      try TensorFile(path: place.path("runs/q/\(name)/adapter.safetensors")).tensors
        .sorted { $0.name.replacing(".\(name).", with: "") < $1.name.replacing(".\(name).", with: "") }
        .map { try $0.floats() }
    }
    #expect(try values("p").map(\.count) == values("q").map(\.count))
    #expect(try values("p") != values("q"))
  }
}
