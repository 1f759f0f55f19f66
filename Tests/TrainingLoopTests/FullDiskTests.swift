import Checkpoints
import Foundation
import Glibc
import Testing

@testable import Training

/// The disk takes no more: files cannot grow over a limit that stands for it.
@Suite struct FullDiskTests {
  /// Lets this process write no file that is larger: such a write fails.
  private static func limitFileSize(to byteCount: Int) {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: rlim_t(byteCount), rlim_max: rlim_t(byteCount))
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
  }

  private static func toy() -> ToyRegression { ToyRegression(width: 800) }
  private static let settings = TrainingSettings(.steps(9), learningRate: 0.01, evaluation: .end, saveInterval: 3)

  private func outcome(_ folder: TemporaryFolder) throws -> ([[UInt32]], Int) {
    let toy = Self.toy()
    var resumed = 0
    _ = try Trainer(toy, settings: Self.settings, output: folder.path, compute: compute).run(.resumedIfPossible) {
      if case .resumed(let step) = $0 { resumed = step }
      return .continue
    }
    return (bits(toy), resumed)
  }

  @Test func `A state that does not fit leaves the last one, from which the run goes on`() async throws {
    let folder = TemporaryFolder()
    await #expect(processExitsWith: .success) { [path = folder.path as String] in
      let trainer = Trainer(
        FullDiskTests.toy(), settings: FullDiskTests.settings, output: path, compute: compute)
      var events: [String] = []
      let error = #expect(throws: TrainingError.self) {
        try trainer.run { event in
          if case .step(let report) = event, report.step == 4 { FullDiskTests.limitFileSize(to: 20_000) }
          if case .saved(let step, _) = event { events.append("saved \(step)") }
          return .continue
        }
      }
      try #require(events == ["saved 3"])
      let text = try #require(error?.description)
      try #require(text.hasPrefix("\(path)/training-state.safetensors: cannot be written; writing failed ("))
      try #require(
        text.hasSuffix(
          "The state of step 3 is kept in \(path)/training-state.safetensors: make room, then resume the run."))
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(left.sorted() == ["curves.svg", "log.jsonl", "training-state.safetensors"])
    let (resumedBits, resumed) = try outcome(folder)
    #expect(resumed == 3)
    #expect(try resumedBits == outcome(TemporaryFolder()).0)
  }

  @Test func `A log that cannot grow has no half line, and the run goes on from the last state`() async throws {
    let folder = TemporaryFolder()
    await #expect(processExitsWith: .success) { [path = folder.path as String] in
      let trainer = Trainer(
        FullDiskTests.toy(), settings: FullDiskTests.settings, output: path, compute: compute)
      let error = #expect(throws: TrainingError.self) {
        try trainer.run { event in
          if case .saved(3, _) = event {
            let size = try FileManager.default.attributesOfItem(atPath: "\(path)/log.jsonl")[.size] as? Int
            FullDiskTests.limitFileSize(to: try #require(size) + 60)
          }
          return .continue
        }
      }
      try #require(try #require(error?.description).hasPrefix("\(path)/log.jsonl: cannot be written; writing failed ("))
    }
    #expect(try folder.text("log.jsonl").hasSuffix("}\n"))
    #expect(try folder.text("log.jsonl").split(separator: "\n").count == 3)
    let (resumedBits, resumed) = try outcome(folder)
    #expect(resumed == 3)
    #expect(try resumedBits == outcome(TemporaryFolder()).0)
  }

  @Test func `A folder that cannot be made is named`() throws {
    let folder = TemporaryFolder()
    try Data().write(to: URL(filePath: folder.path("file")))
    let path = folder.path("file/run")
    let trainer = Trainer(Self.toy(), settings: Self.settings, output: path, compute: compute)
    let error = #expect(throws: TrainingError.self) { try trainer.run() }
    #expect(error?.description == "\(path): cannot be written; making the folder failed (Not a directory).")
  }
}
