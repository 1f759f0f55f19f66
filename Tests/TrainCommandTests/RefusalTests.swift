import AdapterHost
import Foundation
import TestSupport
import Testing

/// What cannot be trained is refused before anything is: no step, no row, no adapter's folder.
@Suite struct RefusalTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test(arguments: [
    ([], "Missing --adapter NAME: what is to be trained?"),
    (["--adapter", "x"], "Missing --train FILE: the examples."),
    (["--adapter", "=x", "--train", "train.jsonl"], "--adapter is '=x'; expected NAME or NAME=DIR."),
    (
      ["--adapter", "x", "--train", "train.jsonl", "--steps", "0"],
      "The command line: 'steps' is 0; expected 1 to 1000000000."
    ),
    (
      ["--adapter", "x", "--train", "train.jsonl", "--head", "judge"],
      "The command line: 'head' is 'judge'; expected one of classification, multilabel_classification, regression, "
        + "tagging, question_answering, multiple_choice, masked_lm."
    ),
    (
      ["--adapter", "x", "--train", "train.jsonl", "--schedule", "steep"],
      "The command line: 'schedule' is 'steep'; expected constant, linear, cosine."
    ),
    (
      ["--adapter", "x", "--train", "train.jsonl", "--steps", "1", "--epochs", "1"],
      "The command line: 'epochs' is 1; expected only one of 'epochs' and 'steps'."
    ),
    (["--settings", "run.json"], "Missing --adapter NAME: what is to be trained?"),
  ])
  func `A wrong command line has the exit code 64`(_ arguments: [String], _ message: String) throws {
    let outcome = try place.train(arguments)
    #expect(outcome.exitCode == 64)
    #expect(outcome.messages.hasPrefix("Error: \(message)\nUsage: adapter-cli train"), "\(outcome)")
  }

  private static let flags = ["--adapter", "x", "--head", "classification", "--steps", "2", "--train"]

  private static func unregistrable(_ reason: String) -> String {
    "The result could not be registered at the end: \(reason) With --unregistered it stays in the output folder alone."
  }

  private static let refusals: [([String], String)] = [
    (flags + ["none.jsonl"], "none.jsonl: the data cannot be read (No such file or directory)."),
    (flags + ["empty.jsonl"], "empty.jsonl: no example is in it. Is it the right file, in the right format?"),
    (
      flags + ["other.jsonl"],
      "other.jsonl: no column for the text: looked for 'text', 'question', 'sentence', 'sentence1', 'premise', 'question1', "
        + "'content', found 'label', 'words'. Name the column that holds it: --column text=NAME."
    ),
    (
      flags + ["train.jsonl", "--dev", "plants.jsonl"],
      "plants.jsonl, line 1: the label 'plant' is not one of the 2 that are known (animal, program)."
    ),
    (
      flags + ["plants.jsonl"],
      "A head that knows the label 'plant' alone has nothing to choose; classification takes two labels or more. "
        + "For numbers train a head for regression."
    ),
    (
      ["--adapter", "truecase", "--head", "classification", "--train", "train.jsonl"],
      unregistrable("There is an adapter 'truecase' of the base model 'deberta-v3-tiny-en' already.")
    ),
    (
      ["--adapter", "truecase", "--head", "classification", "--train", "train.jsonl", "--overwrite"],
      unregistrable("The adapter 'truecase' of the base model 'deberta-v3-tiny-en' is used by the active setup.")
    ),
    (flags + ["train.jsonl", "--freeze", "y"], "'y' is to stay as it is, but is not in the setup x."),
    (
      ["--train", "train.jsonl", "--setup", "Parallel(wordnet-domain, debian-section)", "--unregistered"],
      "The heads 'wordnet-domain' and 'debian-section' have different answers, so the same examples cannot train both."
    ),
    (
      flags + ["train.jsonl", "--setup", "Stack(Parallel(x, y), z)"],
      "Several branches of the setup end with 'z', so they would share its head; each needs its own."
    ),
    (
      ["--adapter", "x", "--train", "train.jsonl"],
      "There is no head called 'x', and no kind of head is named to make one. Name one of classification, "
        + "multilabel_classification, regression, tagging, question_answering, multiple_choice, masked_lm."
    ),
    (["--adapter", "x", "--settings", "unknown.json"], "unknown.json: the key 'stepz' is unknown. Is 'steps' meant?"),
    (
      flags + ["train.jsonl", "--output", "Adapters", "--adapter", "truecase", "--unregistered"],
      "Adapters/truecase is there already; name a folder that is new or empty."
    ),
  ]

  @Test(arguments: refusals)
  func `What cannot be trained is told in a sentence, and nothing is changed`(
    _ arguments: [String], _ message: String
  ) throws {
    try place.write("", as: "empty.jsonl")
    try place.write(#"{"words": "a", "label": "b"}"# + "\n", as: "other.jsonl")
    try place.write(#"{"text": "a", "label": "plant"}"# + "\n", as: "plants.jsonl")
    try place.write(#"{"train": "train.jsonl", "stepz": 3}"#, as: "unknown.json")
    let before = try place.files("Adapters/truecase")
    let outcome = try place.train(arguments)
    #expect(outcome == Workplace.Outcome(output: "", messages: "Error: \(message)\n", exitCode: 1))
    #expect(!place.exists("runs"))
    #expect(try place.registered().map(\.name).sorted() == Workplace.shipped)
    #expect(try place.files("Adapters/truecase") == before)
  }

  @Test func `A head among several that cannot be evaluated is named`() throws {
    #expect(try place.trained("animals").count == 7)
    let outcome = try place.run(
      "evaluate", "--adapter", "animals=runs/animals/animals", "--setup", "Parallel(animals, debian-section)", "--data",
      "dev.jsonl")
    #expect(outcome.exitCode == 1)
    #expect(
      outcome.messages
        == "Error: The head 'debian-section' cannot be evaluated on these examples: dev.jsonl, line 1: the label 'animal' "
        + "is not one of the 16 that are known (desktop, devel, doc, golang, haskell, java, javascript, libdevel, libs, "
        + "multimedia, ...). Choose the heads with --setup or --active-heads.\n")
    let chosen = try place.run(
      "evaluate", "--adapter", "animals=runs/animals/animals", "--setup", "Parallel(debian-section, animals)",
      "--active-heads", "animals", "--data", "dev.jsonl")
    #expect(chosen.output.hasPrefix(#"{"head": "animals", "metrics": {"accuracy": 1.0,"#), "\(chosen)")
  }
}
