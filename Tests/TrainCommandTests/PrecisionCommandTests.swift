import AdapterHost
import Foundation
import TestSupport
import Testing

/// `--precision`, `quantize` and `compare` as people use them.
@Suite struct PrecisionCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private static let text = "A small library for reading and writing PDF files from Python programs."

  private func score(_ arguments: String...) throws -> Double {
    let outcome = try place.run(
      "predict", "--json", "--adapter", "s=Adapters/debian-section", Self.text, and: arguments)
    #expect(outcome.exitCode == 0, "\(outcome)")
    let line = try ConfigurationFields(JSONValue(Data(try #require(outcome.lines.first).utf8), file: ""), file: "")
    let head = try #require(try line.object("heads")?.object("s"))
    #expect(try head.string("label") == "python")
    return try #require(try head.number("score"))
  }

  @Test func `A precision acts in every command that runs the base, and others refuse it by its name`() throws {
    let exact = try score()
    #expect(try score("--precision", "float32") == exact)
    for precision in ["int8", "bf16"] {
      let rounded = try score("--precision", precision)
      #expect(rounded != exact && abs(rounded - exact) < 0.02)
    }
    func output(_ arguments: String..., and others: [String] = []) throws -> String {
      let outcome = try place.run(arguments[0], and: Array(arguments.dropFirst()) + others)
      #expect(outcome.exitCode == 0, "\(arguments): \(outcome)")
      return outcome.output
    }
    try place.write("{\"text\": \"\(Self.text)\", \"label\": \"python\"}\n", as: "one.jsonl")
    try place.write("cats\na library\n", as: "texts.txt")
    try place.write("{\"input_ids\": [[1, 309, 320, 2]]}", as: "ids.json")
    let model = "Models/deberta-v3-tiny-en"
    #expect(
      try output("embed", "x y", "--model", model) != output("embed", "x y", "--model", model, "--precision", "int8"))
    let query = ["--model", model, "--query", "dogs", "--input", "texts.txt", "--json"]
    #expect(try output("similar", and: query) != output("similar", "--precision", "int8", and: query))
    #expect(
      try output("evaluate", "--setup", "debian-section", "--data", "one.jsonl", "--json")
        != output("evaluate", "--setup", "debian-section", "--data", "one.jsonl", "--json", "--precision", "int8"))
    for (name, flags) in [("a", []), ("b", ["--precision", "bf16"])] {
      let outcome = try place.run(
        "forward", "--model", model, "--inputs", "ids.json", "--output", name, and: flags)
      #expect(outcome.exitCode == 0, "\(outcome)")
    }
    #expect(try place.bytes("a") != place.bytes("b"))
    for command in [
      ["merge", "a", "m"], ["save", "w"], ["export", "a", "e"], ["inspect", "i"], ["quantize", "--output", "q"],
    ] {
      let outcome = try place.run(command[0], and: Array(command.dropFirst()) + ["--precision", "int8"])
      #expect(outcome.exitCode == 64 && outcome.messages.contains("'--precision'"), "\(command): \(outcome)")
    }
    let wrong = try place.run("predict", "--precision", "int4", "x")
    #expect(wrong.exitCode == 64 && wrong.messages.contains("'float32', 'bf16' or 'int8'"), "\(wrong)")
  }

  @Test func `A quantized folder answers as int8 does, with everything that lay beside the weights`() throws {
    let model = "Models/deberta-v3-tiny-en"
    let written = try place.run("quantize", "--model", model, "--output", "q", "--json")
    #expect(written.exitCode == 0 && written.output.contains("\"weights\": 24"), "\(written)")
    #expect(try place.bytes("q/spm.model") == place.bytes(model + "/spm.model"))
    #expect(try score("--model", "q") == score("--model", model, "--precision", "int8"))
    let twice = try place.run("quantize", "--model", "q", "--output", "r")
    #expect(twice.exitCode == 1 && twice.messages.contains("quantized again") && !place.exists("r"), "\(twice)")
    let merged = try place.run(
      "merge", "s", "m", "--model", "q", "--adapter", "s=Adapters/debian-facets")
    #expect(merged.exitCode == 1 && merged.messages.contains("int8") && !place.exists("m"), "\(merged)")
    let inspected = try place.run("inspect", "q")
    #expect(inspected.exitCode == 0, "\(inspected)")
  }

  @Test func `Adapters are trained over int8, and the base is not`() throws {
    let flags = ["--precision", "int8", "--config", "lora[r=4, alpha=16]", "--learning-rate", "0.02", "--seed", "3"]
    let trained = try place.train(
      ["--settings", "run.json", "--adapter", "animals", "--unregistered", "--json"] + flags)
    #expect(trained.exitCode == 0, "\(trained)")
    #expect(try ConfigurationFields(path: place.path("runs/animals/recipe.json")).string("precision") == "int8")
    let evaluated = try place.run(
      "evaluate", "--adapter", "animals=runs/animals/animals", "--data", "dev.jsonl", "--json", "--precision", "int8")
    let metrics = try ConfigurationFields(JSONValue(Data(try #require(evaluated.lines.first).utf8), file: ""), file: "")
      .object("metrics")
    let accuracy = try #require(try metrics?.number("accuracy"))
    #expect(accuracy > 0.9, "\(evaluated)")

    let base = try place.train(
      ["--settings", "run.json", "--adapter", "all", "--unregistered", "--train-base", "--precision", "int8"])
    #expect(base.exitCode == 1 && base.messages.contains("computed in int8"), "\(base)")
  }

  @Test func `Decisions in a precision are compared with those in float32`() throws {
    try place.write(
      "{\"text\": \"\(Self.text)\", \"label\": \"python\"}\n{\"text\": \"A library of fonts.\", \"label\": \"libs\"}\n",
      as: "two.jsonl")
    let outcome = try place.run(
      "compare", "--precision", "int8", "--setup", "debian-section", "--data", "two.jsonl", "--json")
    #expect(outcome.exitCode == 0 && outcome.lines.count == 1, "\(outcome)")
    let line = try ConfigurationFields(JSONValue(Data(try #require(outcome.lines.first).utf8), file: ""), file: "")
    #expect(try line.number("agreement") == 1 && line.number("decisions") == 2)
    let drift = try #require(try line.number("max_drift"))
    #expect(drift > 1e-4 && drift < 1)
    let metric = try #require(try line.object("metric"))
    #expect(try metric.number("int8") == metric.number("float32") && metric.string("name") == "macro_f1")
    let same = try place.run(
      "compare", "--precision", "float32", "--setup", "debian-section", "--data", "two.jsonl")
    #expect(same.exitCode == 64, "\(same)")
  }
}
