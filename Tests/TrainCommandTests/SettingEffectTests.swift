import AdapterHost
import Foundation
import TestSupport
import Testing

/// A setting that is taken has an effect; one that has none here is refused by its name.
@Suite struct SettingEffectTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// Twenty examples for a head; of several labels and of classes one is rare.
  private func data(_ head: String) throws {
    let examples = (0..<20).map { index in
      let label =
        switch head {
        case "regression": "\(Double(index) / 7)"
        case "classification": index % 5 == 0 ? "\"b\"" : "\"a\""
        default: index == 3 ? "[\"x\", \"rare\"]" : index % 2 == 1 ? "[\"x\"]" : "[]"
        }
      return "{\"text\": \"number \(index) river\", \"label\": \(label)}\n"
    }
    try place.write(examples.joined(), as: "d.jsonl")
  }

  private func run(_ settings: String, _ head: String, _ flags: String...) throws -> Workplace.Outcome {
    try data(head)
    try place.write(
      "{\"train\": \"d.jsonl\", \"head\": \"\(head)\", \"steps\": 2, \"unregistered\": true\(settings)}", as: "s.json")
    try? FileManager.default.removeItem(atPath: place.path("out"))
    return try place.train(["--settings", "s.json", "--adapter", "q", "--output", "out"] + flags)
  }

  @Test(arguments: [
    ("multilabel_classification", ", \"class_weights\": \"balanced\""),
    ("classification", ", \"class_weights\": \"balanced\""),
    ("classification", ", \"label_smoothing\": 0.1"),
  ])
  func `A setting of the loss changes what is learned`(_ head: String, _ setting: String) throws {
    var bits: [Data] = []
    for settings in ["", setting, setting] {
      let outcome = try run(settings, head)
      #expect(outcome.exitCode == 0, "\(outcome)")
      bits.append(try place.bytes("out/q/model_head.safetensors"))
    }
    #expect(bits[0] != bits[1] && bits[1] == bits[2])
  }

  @Test(arguments: [
    ("regression", ", \"class_weights\": \"balanced\"", "class_weights", "a head for regression has no classes"),
    ("regression", ", \"label_smoothing\": 0.1", "label_smoothing", "a head for regression has no targets to smooth"),
    (
      "multilabel_classification", ", \"label_smoothing\": 0.1", "label_smoothing",
      "a head for multilabel_classification has no targets to smooth"
    ),
    ("regression", ", \"masking_rate\": 0.2", "masking_rate", "a head for regression masks nothing"),
    ("regression", ", \"labels\": [\"a\"]", "labels", "a head for regression has no labels"),
    ("regression", ", \"best_by\": \"pearson\"", "best_by", "there are no 'dev' examples to evaluate"),
    ("regression", ", \"patience\": 2", "patience", "there are no 'dev' examples to evaluate"),
    (
      "regression", ", \"columns\": {\"question\": \"text\"}", "columns.question",
      "examples for regression have no such part"
    ),
    (
      "regression", ", \"learning_rate\": 1, \"optimizer\": {\"name\": \"adafactor\", \"relative_step\": true}",
      "learning_rate", "adafactor with 'relative_step' chooses its own rate"
    ),
    (
      "regression", ", \"config\": \"prompt_tuning\", \"adapter_drop\": 1", "adapter_drop",
      "no adapter acts in a layer"
    ),
  ])
  func `A setting that means nothing here is refused`(
    _ head: String, _ settings: String, _ key: String, _ reason: String
  ) throws {
    let outcome = try run(settings, head)
    #expect(
      outcome
        == Workplace.Outcome(
          output: "", messages: "Error: '\(key)' has no effect here: \(reason). Leave it out.\n", exitCode: 1))
    #expect(!place.exists("out"))
  }

  @Test func `A setting of a fresh part is refused where the part is there`() throws {
    _ = try place.trained("x")
    for (flags, key) in [(["--config", "lora"], "config"), (["--labels", "a,b"], "labels")] {
      let outcome = try place.train(
        ["--settings", "run.json", "--adapter", "x=runs/x/x", "--unregistered", "--output", "out"] + flags)
      #expect(outcome.exitCode == 1 && outcome.messages.hasPrefix("Error: '\(key)' has no effect here: "), "\(outcome)")
    }
  }

  @Test func `A metric decides by its name, or is refused with those that there are`() throws {
    let flags = ["--settings", "run.json", "--adapter", "x", "--unregistered", "--output", "out", "--best-by"]
    let wrong = try place.train(flags + ["f2"])
    #expect(
      wrong.messages == "Error: The settings: 'best_by' is 'f2'; expected one of accuracy, macro_f1, "
        + "matthews_correlation.\n")
    let outcome = try place.train(flags + ["matthews_correlation"])
    #expect(outcome.output.contains("\nBest by matthews_correlation at step "), "\(outcome)")
    #expect(outcome.messages.contains(" (best matthews_correlation)\n"))
    #expect(try place.text("out/log.jsonl").contains("\"primary\": \"matthews_correlation\""))
  }

  @Test func `Faults of records are reported before what follows from them`() throws {
    let bytes = Array("text,label\ncaf".utf8) + [0xE9] + Array(" noir,a\nbye,b\nbye bye,b\n".utf8)
    try Data(bytes).write(to: URL(filePath: place.path("l.csv")))
    let outcome = try place.train(
      "--adapter", "q", "--head", "classification", "--train", "l.csv", "--steps", "1", "--unregistered")
    #expect(outcome.exitCode == 1)
    #expect(
      outcome.messages.hasPrefix(
        "Error: 1 of 3 records of l.csv were left out; the first: l.csv, line 2: the text is not"),
      "\(outcome)")
    #expect(outcome.messages.hasSuffix("For numbers train a head for regression.\n"))
  }

  @Test func `Examples that are cut are counted, with how to change it`() throws {
    let outcome = try run(", \"max_length\": 3", "regression")
    #expect(
      outcome.messages.contains(
        "20 of 20 examples of d.jsonl were cut at 3 tokens; --max-length sets another length, 0 for the model's limit.\n"
      ),
      "\(outcome)")
  }

  // MARK: The registry

  /// Runs the program as a user whom permissions hold back.
  private static let anotherUser = [
    "/usr/bin/env", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
  ]

  private static let canBeAnother: Bool = {
    guard geteuid() == 0, let program = try? CommandLineTool.executable.path else { return false }
    return (try? CommandLineTool.run(command: anotherUser + [program, "--help"]))?.exitCode == 0
  }()

  @Test(.enabled(if: canBeAnother, "the program cannot be run as another user here"))
  func `A registry that cannot be written is noticed before anything is learned`() throws {
    let all = FileManager.default
    for name in ["", "Models", "Models/deberta-v3-tiny-en"] {
      try all.setAttributes([.posixPermissions: 0o755], ofItemAtPath: place.path(name))
    }
    try all.createDirectory(atPath: place.path("out"), withIntermediateDirectories: false)
    try all.setAttributes([.posixPermissions: 0o777], ofItemAtPath: place.path("out"))
    let words = ["train", "--settings", "run.json", "--adapter", "zz", "--output", "out/r"]
    func outcome(_ flags: String...) throws -> Workplace.Outcome {
      try CommandLineTool.run(
        command: Self.anotherUser + [try CommandLineTool.executable.path] + words + flags, in: place.path(""))
    }
    let refused = try outcome()
    #expect(refused.exitCode == 1, "\(refused)")
    #expect(refused.messages.hasPrefix("Error: The result could not be registered at the end: "), "\(refused)")
    #expect(refused.messages.hasSuffix(" With --unregistered it stays in the output folder alone.\n"))
    #expect(!place.exists("out/r"))
    let unregistered = try outcome("--unregistered")
    #expect(unregistered.exitCode == 0, "\(unregistered)")
    #expect(place.exists("out/r/zz"))
  }

  @Test func `The name of a trained base model that is taken is noticed before anything is learned`() throws {
    let outcome = try place.train(
      "--settings", "run.json", "--adapter", "x", "--train-base", "--output", "runs/deberta-v3-tiny-en")
    #expect(
      outcome.messages == "Error: The result could not be registered at the end: There is a model 'deberta-v3-tiny-en' "
        + "already. With --unregistered it stays in the output folder alone.\n")
    #expect(!place.exists("runs"))
  }
}
