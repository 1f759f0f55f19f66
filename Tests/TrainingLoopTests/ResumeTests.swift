import Checkpoints
import Foundation
import Glibc
import Tensors
import Testing

@testable import Training

/// However a run is interrupted, it ends with the bits, the log and the summary of one that was not.
@Suite struct ResumeTests {
  private struct Interruption: Error {}

  private static let kills = Int(ProcessInfo.processInfo.environment["TRAINING_STRESS"] ?? "") ?? 5

  /// 20 examples in batches of 4, two a step, over four epochs: 12 steps, evaluated every second, saved every third.
  static func settings(_ optimizer: OptimizerSettings = .adamW(AdamW())) -> TrainingSettings {
    TrainingSettings(
      .epochs(4), optimizer: optimizer, learningRate: 0.02, curve: .cosine, warmUp: .ratio(0.2), clipNorm: 0.8,
      accumulation: 2, evaluation: .steps(2), patience: 5, saveInterval: 3, seed: 3)
  }

  /// What a run leaves behind, but for the time that it took.
  struct Outcome: Equatable {
    let bits: [[UInt32]]
    let log: [String]
    let summary: [String]

    init(_ toy: ToyRegression, _ folder: TemporaryFolder) throws {
      bits = toy.parameters.map { $0.value.array.map(\.bitPattern) }
      log = try Self.withoutTime(folder.text("log.jsonl"))
      summary = try Self.withoutTime(folder.text("summary.json"))
    }

    static func withoutTime(_ text: String) -> [String] {
      text.replacing(/"seconds": [0-9.e-]+/, with: "").split(separator: "\n").map { String($0) }
    }
  }

  @discardableResult
  static func run(
    _ folder: TemporaryFolder, _ settings: TrainingSettings = settings(), threads: Int = 1,
    onEvent: (TrainingEvent) throws -> TrainingDecision = { _ in .continue }
  ) throws -> (toy: ToyRegression, summary: TrainingSummary) {
    let toy = ToyRegression()
    let trainer = Trainer(toy, settings: settings, output: folder.path, compute: Compute(threads: threads))
    return (toy, try trainer.run(.resumedIfPossible, onEvent: onEvent))
  }

  private static func undisturbed(_ settings: TrainingSettings = settings()) throws -> Outcome {
    let folder = TemporaryFolder()
    let (toy, summary) = try run(folder, settings)
    #expect(summary.steps == 12)
    return try Outcome(toy, folder)
  }

  @Test(arguments: [OptimizerSettings.adamW(AdamW()), .adafactor(Adafactor(beta1: 0.9)), .sgd(MomentumSGD())])
  func `A run that is cut off after any step and resumed ends with the same bits`(
    _ optimizer: OptimizerSettings
  ) throws {
    let settings = Self.settings(optimizer)
    let expected = try Self.undisturbed(settings)
    #expect(expected.log.count == 12 + 6)
    #expect(expected.bits != bits(ToyRegression()))
    for last in 1...12 {
      let folder = TemporaryFolder()
      #expect(throws: Interruption.self) {
        try Self.run(folder, settings) { event in
          if case .step(let report) = event, report.step == last { throw Interruption() }
          return .continue
        }
      }
      var resumed: Int?
      let (toy, _) = try Self.run(folder, settings, threads: 2) { event in
        if case .resumed(let step) = event { resumed = step }
        return .continue
      }
      // A step's report comes before its state is saved.
      let saved = (last - 1) / 3 * 3
      #expect(resumed == (saved == 0 ? nil : saved))
      #expect(try Outcome(toy, folder) == expected, "cut off after step \(last)")
    }
  }

  @Test func `A run that is cut off again and again ends with the same bits`() throws {
    let expected = try Self.undisturbed()
    var random = RandomNumbers(seed: 11)
    for _ in 0..<10 {
      let folder = TemporaryFolder()
      var interruptions = 0
      while true {
        var events = Int.random(in: 2...11, using: &random)
        do {
          let (toy, _) = try Self.run(folder) { _ in
            events -= 1
            if events == 0 { throw Interruption() }
            return .continue
          }
          #expect(try Outcome(toy, folder) == expected)
          break
        } catch is Interruption {
          interruptions += 1
        }
      }
      #expect(interruptions > 0)
    }
  }

  @Test func `A run that its listener stops is saved at once and goes on from there`() throws {
    let expected = try Self.undisturbed()
    for last in [1, 4, 5, 8] {
      let folder = TemporaryFolder()
      let (_, summary) = try Self.run(folder) { event in
        if case .step(let report) = event, report.step == last { .stop } else { .continue }
      }
      #expect(summary.end == .stopped && summary.steps == last)
      #expect(try folder.text("summary.json").contains("\"end\": \"stopped\""))
      var resumed: Int?
      let (toy, _) = try Self.run(folder) { event in
        if case .resumed(let step) = event { resumed = step }
        return .continue
      }
      #expect(resumed == last)
      #expect(try Outcome(toy, folder) == expected, "stopped after step \(last)")
    }
  }

  @Test func `A run that is over is not run again`() throws {
    let folder = TemporaryFolder()
    let first = try Self.run(folder)
    let expected = try Outcome(first.toy, folder)
    var events = 0
    let (toy, summary) = try Self.run(folder) { _ in
      events += 1
      return .continue
    }
    #expect(events == 1)
    #expect(summary == first.summary)
    #expect(try Outcome(toy, folder) == expected)
  }

  /// Whatever stands in the file, the process lives, and no run goes on forever.
  @Test(arguments: [
    (#""step": 5"#, #""step": 9007199254740992"#), (#""step": 5"#, #""step": 13"#), (#""step": 5"#, #""step": 12"#),
    (#""epoch": 1"#, #""epoch": 6"#), (#""batches": "#, #""batches": 9223372036854775807, "was": "#),
    (#""tokens": "#, #""tokens": 9223372036854775807, "was": "#), (#""seconds": "#, #""seconds": "nan", "was": "#),
    (#""batch": "#, #""batch": 99, "was": "#), (#""step": 4"#, #""step": 40"#),
  ])
  func `A state that was tampered with is refused`(_ found: String, _ replacement: String) throws {
    func stopped() throws -> TemporaryFolder {
      let folder = TemporaryFolder()
      _ = try Self.run(folder) { event in
        if case .step(let report) = event, report.step == 5 { .stop } else { .continue }
      }
      return folder
    }
    let folder = try stopped()
    let path = folder.path("training-state.safetensors")
    let file = try TensorFile(path: path)
    let state = try #require(file.metadata["state"])
    try #require(state.contains(found), "\(state)")
    var metadata = file.metadata
    func write() throws {
      let tensors = try file.tensors.map { OutgoingTensor(name: $0.name, shape: $0.shape, values: try $0.floats()) }
      try Safetensors.write(tensors, metadata: metadata, to: path)
    }
    metadata["state"] = state.replacing(found, with: replacement)
    try write()
    #expect(throws: TrainingError.self) { try Self.run(folder) }
    metadata["state"] = state
    try write()
    #expect(try Self.run(folder).summary.steps == 12)
  }

  /// A log is cut off where it does not go on, so nothing behind a link is taken for one.
  @Test func `A log that is a link is refused, and what it leads to stays`() throws {
    let folder = TemporaryFolder()
    let precious = folder.path("precious")
    try "precious".write(toFile: precious, atomically: false, encoding: .utf8)
    let run = folder.path("run")
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: run + "/log.jsonl", withDestinationPath: precious)
    let trainer = Trainer(ToyRegression(), settings: Self.settings(), output: run, compute: Compute(threads: 1))
    #expect(throws: TrainingError.self) { try trainer.run(.resumedIfPossible) }
    #expect(try String(contentsOfFile: precious, encoding: .utf8) == "precious")
  }

  @Test func `A log line that was cut off is dropped`() throws {
    let expected = try Self.undisturbed()
    let folder = TemporaryFolder()
    #expect(throws: Interruption.self) {
      try Self.run(folder) { event in
        if case .step(let report) = event, report.step == 5 { throw Interruption() }
        return .continue
      }
    }
    let file = try FileHandle(forWritingTo: URL(filePath: folder.path("log.jsonl")))
    try file.seekToEnd()
    try file.write(contentsOf: Data("{\"event\": \"st".utf8))
    try file.close()
    #expect(try Outcome(try Self.run(folder).toy, folder) == expected)
  }

  /// A real kill: of a child process, at a moment that nothing chooses, and again.
  @Test func `A run whose process is killed at any moment and resumed ends with the same bits`() async throws {
    let expected = try Self.undisturbed()
    var random = RandomNumbers(seed: 5)
    var unfinished = 0
    for _ in 0..<Self.kills {
      let folder = TemporaryFolder()
      for _ in 0..<2 {
        let delay = Int.random(in: 0...6000, using: &random)
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String, delay = delay as Int] in
          let trainer = Trainer(
            ToyRegression(), settings: ResumeTests.settings(), output: path, compute: Compute(threads: 1))
          Thread.detachNewThread {
            usleep(UInt32(delay))
            kill(getpid(), SIGKILL)
          }
          _ = try trainer.run(.resumedIfPossible)
          while true { usleep(1000) }
        }
        if !FileManager.default.fileExists(atPath: folder.path("summary.json")) { unfinished += 1 }
      }
      let (toy, _) = try Self.run(folder)
      #expect(try Outcome(toy, folder) == expected)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.sorted() == ["curves.svg", "log.jsonl", "summary.json", "training-state.safetensors"])
    }
    #expect(unfinished > 0)
  }
}
