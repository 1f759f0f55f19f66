import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct EvaluateCommandTests {
  let place: Workplace

  init() throws {
    place = try Workplace()
    let texts = [
      "A library for reading PDF files.", "Python module to parse dates.", "A game of chess.", "Perl modules for mail.",
      "Documentation of the kernel.", "Graphical editor for GTK.", "Shared library with fonts.",
      "Command line tool to copy.",
    ]
    try place.write(
      zip(texts, ["libs", "python", "science", "perl", "doc", "desktop", "libs", "utils"]).map {
        "{\"text\": \"\($0)\", \"label\": \"\($1)\"}\n"
      }.joined(), as: "sections.jsonl")
    let facets = [
      ["role::shared-lib"], ["implemented-in::python"], ["use::gameplaying"], ["implemented-in::perl"],
      ["role::documentation"], ["interface::graphical", "uitoolkit::gtk"], ["role::shared-lib"],
      ["interface::commandline", "role::program"],
    ]
    try place.write(
      zip(texts, facets).map { text, labels in
        "{\"text\": \"\(text)\", \"labels\": [\(labels.map { "\"\($0)\"" }.joined(separator: ", "))]}\n"
      }.joined(), as: "facets.jsonl")
  }

  private func object(_ outcome: Workplace.Outcome) throws -> [String: Any] {
    #expect(outcome.exitCode == 0, "\(outcome)")
    let value = try JSONSerialization.jsonObject(with: Data(try #require(outcome.lines.first).utf8))
    return try #require(value as? [String: Any])
  }

  private func number(_ value: Any?) throws -> Double { try #require(value as? NSNumber).doubleValue }

  private func lines(_ name: String) throws -> [[String: Any]] {
    try place.text(name).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func everyRowIsWrittenAndTheWrongOnesByThemselves() throws {
    let report = try object(
      place.run(
        "evaluate", "--setup", "debian-section", "--data", "sections.jsonl", "--json", "--predictions", "all.jsonl",
        "--errors", "wrong.jsonl", "--report", "report"))
    let metrics = try #require(report["metrics"] as? [String: Any])
    let (all, wrong) = (try lines("all.jsonl"), try lines("wrong.jsonl"))
    #expect(all.map { $0["line"] as? Int } == Array(1...8))
    #expect(all.allSatisfy { ($0["right"] as? Bool) == ($0["actual"] as? String == $0["predicted"] as? String) })
    #expect(all.first?["text"] as? String == "A library for reading PDF files.")
    #expect(!wrong.isEmpty && wrong.allSatisfy { $0["right"] as? Bool == false })
    #expect(try number(metrics["accuracy"]) == Double(8 - wrong.count) / 8)

    let labels = try #require(report["labels"] as? [[String: Any]])
    #expect(try labels.reduce(0) { $0 + (try number($1["support"])) } == 8)
    let averages = try #require((report["averages"] as? [String: Any])?["macro"] as? [String: Any])
    #expect(abs(try number(averages["f1"]) - number(metrics["macro_f1"])) < 1e-12)
    let page = try place.text("report/report.md")
    #expect(page.contains("# Head debian-section") && page.contains("![confusion](./confusion.svg)"))
    #expect(try place.text("report/calibration.svg").hasPrefix("<svg "))
    // A report is never written over another.
    #expect(
      try place.run("evaluate", "--setup", "debian-section", "--data", "sections.jsonl", "--report", "report").exitCode
        == 1)
  }

  @Test func tunedThresholdsAreStoredWithTheHeadAndTheRegistryAgrees() throws {
    func f1(_ arguments: String...) throws -> Double {
      let report = try object(
        place.run("evaluate", "--setup", "debian-facets", "--data", "facets.jsonl", "--json", and: arguments))
      return try number((report["metrics"] as? [String: Any])?["macro_f1"])
    }
    let before = try f1()
    let tuned = try f1("--tune-thresholds")
    #expect(tuned > before)
    #expect(try place.text("Adapters/debian-facets/head_config.json").contains("\"thresholds\""))
    #expect(try f1() == tuned)
    let verified = try place.run("verify")
    #expect(verified.exitCode == 0, "\(verified)")
  }

  @Test func thresholdsOfOneLabelATextAreNotTuned() throws {
    let outcome = try place.run(
      "evaluate", "--setup", "debian-section", "--data", "sections.jsonl", "--tune-thresholds")
    #expect(outcome.exitCode == 1 && outcome.messages.contains("(multi-label); found 'debian-section'"), "\(outcome)")
  }

  @Test func twoSetupsAreComparedOnTheSameRows() throws {
    let same = try object(
      place.run(
        "evaluate", "--setup", "debian-section", "--compare-with", "Stack(debian-section)", "--data", "sections.jsonl",
        "--json", "--resamples", "50"))
    let comparison = try #require(same["comparison"] as? [String: Any])
    #expect(comparison["with"] as? String == "Stack(debian-section)" && comparison["metric"] as? String == "macro_f1")
    #expect(try (number(comparison["difference"]), number(comparison["p_value"])) == (0, 1))
    let other = try object(
      place.run(
        "evaluate", "--setup", "debian-section", "--compare-with", "Stack(debian-section, truecase)", "--compare-heads",
        "debian-section", "--data", "sections.jsonl", "--json", "--resamples", "50"))
    let found = try #require(other["comparison"] as? [String: Any])
    #expect(try number(found["difference"]) == number(found["second"]) - number(found["first"]))
    let tasks = try place.run(
      "evaluate", "--setup", "debian-section", "--compare-with", "truecase", "--data", "sections.jsonl")
    #expect(tasks.exitCode == 1)
  }
}
