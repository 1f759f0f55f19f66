import AdapterHost
import Foundation
import TestSupport
import Testing

/// However a run is stopped, what it was is kept, and it can go on to the same bits.
@Suite struct StoppedRunTests {
  /// How many runs are killed; `make stress` asks for more.
  static let kills = Int(ProcessInfo.processInfo.environment["TRAINING_STRESS"] ?? "") ?? 3

  let place: Workplace

  init() throws { place = try Workplace() }

  private func arguments(_ name: String, _ output: String, threads: Int) -> [String] {
    [
      "--settings", "run.json", "--adapter", name, "--unregistered", "--output", output, "--threads", "\(threads)",
    ]
  }

  @Test func `Another seed gives other bits, other threads do not`() throws {
    let reference = try place.trained("x", "--threads", "1", "--output", "runs/x")
    for (output, seed, threads) in [("seed", "1", "1"), ("threads", "0", "2")] {
      let outcome = try place.train(
        "--settings", "run.json", "--adapter", "x", "--unregistered", "--output", output, "--seed", seed, "--threads",
        threads)
      #expect(outcome.exitCode == 0, "\(outcome)")
      #expect(try (place.files("\(output)/x") == reference) == (output == "threads"))
    }
  }

  @Test func `Killed at any moment and resumed, a run ends with the bits of an undisturbed one`() throws {
    let start = ContinuousClock.now
    let reference = try place.trained("x", "--threads", "1")
    let duration = ContinuousClock.now - start
    var (kills, rounds) = (0, 0)
    while kills < Self.kills, rounds < 20 * Self.kills {
      let output = "killed-\(rounds)"
      var outcome: Workplace.Outcome?
      while outcome == nil {
        let isBegun = place.exists("\(output)/training-state.safetensors")
        let words = arguments("x", output, threads: Int.random(in: 1...2)) + (isBegun ? ["--resume"] : [])
        let end = ContinuousClock.now + duration * Double.random(in: 0...1)
        if try place.interrupt(words, with: SIGKILL, when: { ContinuousClock.now >= end }).wasKilled {
          kills += 1
          guard kills < Self.kills, Bool.random() else {
            let resumes = place.exists("\(output)/training-state.safetensors") ? ["--resume"] : []
            outcome = try place.train(arguments("x", output, threads: Int.random(in: 1...2)) + resumes)
            break
          }
        } else {
          outcome = Workplace.Outcome(output: "", messages: "", exitCode: 0)
        }
      }
      #expect(outcome?.exitCode == 0, "round \(rounds): \(String(describing: outcome))")
      #expect(try place.files("\(output)/x") == reference, "round \(rounds)")
      rounds += 1
    }
    #expect(kills >= Self.kills)
  }

  @Test func `Ctrl-C saves the state, and the run goes on from there`() throws {
    let reference = try place.trained("x")
    let words = arguments("x", "stopped", threads: 2)
    let stopped = try place.interrupt(words, with: SIGINT) {
      (try? place.text("stopped/log.jsonl").contains("\"step\"")) == true
    }
    #expect(stopped.code == 130 && !stopped.wasKilled, "\(stopped)")
    #expect(
      stopped.messages.contains(
        /\nStopped after step \d+; 'adapter-cli train --resume --output stopped' goes on\.\n$/))
    #expect(!place.exists("stopped/x"))
    let again = try place.train(words)
    #expect(again.exitCode == 1)
    #expect(
      again.messages.hasSuffix(
        "Error: stopped/training-state.safetensors: holds the state of a run. Resume it, or choose another folder for a "
          + "new run.\n"))
    let other = try place.train(words + ["--resume", "--seed", "5"])
    #expect(other.exitCode == 1)
    #expect(other.messages.contains("cannot be resumed: seed was 0, is 5."), "\(other)")
    let resumed = try place.train(words + ["--resume"])
    #expect(resumed.exitCode == 0, "\(resumed)")
    #expect(resumed.messages.contains("\nResumed after step "))
    #expect(try place.files("stopped/x") == reference)
  }

  @Test func `A learning rate beyond all sense is refused before anything is written`() throws {
    let outcome = try place.train(["--settings", "run.json", "--adapter", "x", "--learning-rate", "1e30"])
    #expect(outcome.exitCode == 1)
    #expect(outcome.output == "")
    #expect(
      outcome.messages.contains("Error: run.json: 'learning_rate' is 1e+30; expected 0 to 1000, such as 0.0001."),
      "\(outcome)")
    #expect(!place.exists("runs/x"))
    #expect(try place.registered().map(\.name).sorted() == Workplace.shipped)
  }

  // MARK: A full disk

  private static let canMount: Bool = {
    guard geteuid() == 0, let folder = try? TemporaryFolder() else { return false }
    defer { _ = system("umount", folder.path) }
    return system("mount", "-t", "tmpfs", "-o", "size=64k", "none", folder.path)
  }()

  private static func system(_ command: String...) -> Bool {
    let outcome = try? CommandLineTool.run(command: ["/usr/bin/env"] + command)
    return outcome?.exitCode == 0
  }

  @Test(.enabled(if: canMount, "mounting a small disk needs root"))
  func `On a full disk a run stops, and goes on once there is room`() throws {
    let reference = try place.trained("x")
    let disk = try TemporaryFolder()
    try #require(Self.system("mount", "-t", "tmpfs", "-o", "size=2000k", "none", disk.path))
    defer { _ = Self.system("umount", disk.path) }
    let words = arguments("x", disk.path("run"), threads: 2)
    let full = try place.train(words)
    #expect(full.exitCode == 1)
    #expect(
      full.messages.hasSuffix(
        "Error: \(disk.path("run"))/training-state.safetensors: cannot be written; writing failed (No space left on "
          + "device). The state of step 1 is kept in \(disk.path("run"))/training-state.safetensors: make room, then resume "
          + "the run.\n"), "\(full)")
    let names = try FileManager.default.contentsOfDirectory(atPath: disk.path("run")).sorted()
    #expect(names == ["curves.svg", "log.jsonl", "recipe.json", "training-state.safetensors"])
    try #require(Self.system("mount", "-o", "remount,size=20m", disk.path))
    let resumed = try place.train(words + ["--resume"])
    #expect(resumed.exitCode == 0, "\(resumed)")
    #expect(resumed.messages.contains("\nResumed after step 1.\n"))
    for (name, bytes) in reference {
      #expect(try Data(contentsOf: URL(filePath: disk.path("run/x/\(name)"))) == bytes, "\(name)")
    }
  }
}
