import AdapterHost
import Foundation
import TestSupport

/// A copy of the shipped base model and registry, and files of made-up examples: animals, and what programs are made of.
struct Workplace {
  typealias Outcome = CommandLineTool.Result

  private let scratch: TemporaryFolder

  init() throws {
    scratch = try TemporaryFolder()
    for name in ["Models", "registry.sqlite"] + Self.shipped.map({ "Adapters/\($0)" }) {
      let target = URL(filePath: path(name))
      try FileManager.default.createDirectory(
        at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        at: Fixtures.root.appending(path: name).resolvingSymlinksInPath(), to: target)
    }
    try write(Self.examples(64, seed: 1), as: "train.jsonl")
    try write(Self.examples(32, seed: 2), as: "dev.jsonl")
    try write(
      #"""
      {"head": "classification", "train": "train.jsonl", "dev": "dev.jsonl", "epochs": 3, "batch_size": 16,
       "evaluate_every": 4, "save_every": 1}
      """#, as: "run.json")
  }

  static let shipped = ["debian-facets", "debian-section", "truecase", "wordnet-domain"]

  func path(_ name: String) -> String { scratch.path(name) }

  @discardableResult
  func write(_ text: String, as name: String) throws -> String { try scratch.write(text, as: name) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: path(name))) }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  /// The files of a folder with their bytes.
  func files(_ folder: String) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: path(folder))
    return try Dictionary(uniqueKeysWithValues: names.map { ($0, try bytes("\(folder)/\($0)")) })
  }

  // MARK: The program

  func run(_ arguments: String..., and others: [String] = []) throws -> Outcome {
    try CommandLineTool.run(arguments + others, in: scratch.path)
  }

  func train(_ arguments: String...) throws -> Outcome { try train(arguments) }

  func train(_ arguments: [String]) throws -> Outcome {
    try CommandLineTool.run(["train"] + arguments, in: scratch.path)
  }

  /// Trains by `run.json` without registering; the files of the adapter.
  func trained(_ name: String, _ arguments: String...) throws -> [String: Data] {
    let outcome = try train(["--settings", "run.json", "--adapter", name, "--unregistered"] + arguments)
    guard outcome.exitCode == 0 else { throw Failure(outcome: outcome) }
    return try files("runs/\(name)/\(name)")
  }

  struct Failure: Error { let outcome: Outcome }

  /// Starts the program and sends it a signal once `isDue`; how it ended.
  func interrupt(
    _ arguments: [String], with signal: Int32, messages: String = "messages", when isDue: () -> Bool
  ) throws -> (code: Int32, wasKilled: Bool, messages: String) {
    try write("", as: messages)
    let process = try CommandLineTool.process(["train"] + arguments, in: scratch.path)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: path(messages))
    try process.run()
    while process.isRunning, !isDue() { usleep(1000) }
    if process.isRunning { kill(process.processIdentifier, signal) }
    process.waitUntilExit()
    return (process.terminationStatus, process.terminationReason == .uncaughtSignal, try text(messages))
  }

  func registered() throws -> [AdapterRecord] {
    try Registry.open(path: path("registry.sqlite"), for: .reading).adapters()
  }

  // MARK: Examples

  private static func examples(_ count: Int, seed: UInt64) -> String {
    let words = [
      "animal": ["cat", "dog", "horse", "cow", "sheep"],
      "program": ["python", "java", "compiler", "linker", "kernel"],
    ]
    var state = seed
    return (0..<count).map { index in
      let label = index.isMultiple(of: 2) ? "animal" : "program"
      let text = (0..<5).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return words[label]?[Int(state >> 33) % 5] ?? ""
      }.joined(separator: " ")
      return "{\"text\": \"\(text)\", \"label\": \"\(label)\"}\n"
    }.joined()
  }
}
