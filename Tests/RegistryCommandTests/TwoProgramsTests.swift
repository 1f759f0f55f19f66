import AdapterHost
import Foundation
import Synchronization
import TestSupport
import Testing

/// The program runs several times at the same time, again and again, over one registry.
@Suite struct TwoProgramsTests {
  private static let writers = 4
  private static let rounds = max(3, KilledWriterTests.kills / 20)

  @Test func `Four programs change the registry at once, and no change is lost`() throws {
    let place = try Workplace()
    let source = place.outside("source")
    try FileManager.default.copyItem(atPath: place.path("Adapters/truecase"), toPath: source)
    let before = try place.run("log", "--limit", "0").lines.count
    let failures = Mutex<[String]>([])
    let isReading = Atomic(true)
    let reader = Thread {
      while isReading.load(ordering: .relaxed) {
        do {
          let outcome = try place.run("list")
          guard outcome.exitCode != 0 else { continue }
          failures.withLock { $0.append("list: \(outcome)") }
        } catch { failures.withLock { $0.append("list: \(error)") } }
      }
    }
    reader.start()
    DispatchQueue.concurrentPerform(iterations: Self.writers) { writer in
      for round in 0..<Self.rounds {
        for command in Self.commands(writer, round, source: source) {
          do {
            let outcome = try place.run(command)
            guard outcome.exitCode != 0 else { continue }
            failures.withLock { $0.append("\(command): \(outcome)") }
          } catch { failures.withLock { $0.append("\(command): \(error)") } }
        }
      }
    }
    isReading.store(false, ordering: .relaxed)
    #expect(failures.withLock { $0 } == [])

    let made = (0..<Self.writers).flatMap { writer in (0..<Self.rounds).map { "kept-\(writer)-\($0)" } }
    #expect(try place.adapters() == (Workplace.shipped + made).sorted())
    #expect(try place.run("verify").exitCode == 0)
    #expect(try place.run("log", "--limit", "0").lines.count == before + made.count * 6)
    let registry = try Registry.open(path: place.path("registry.sqlite"), for: .reading)
    for record in try registry.adapters() where made.contains(record.name) {
      #expect(record.tags == ["done"])
      #expect(throws: Never.self) { try AdapterDescription.read(record.path, for: registry.model()) }
    }
    // The last writer leaves one file.
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path).filter { $0.contains("sqlite") }.count == 1)
  }

  /// A round of one writer; each command makes one change. An adapter that another writer may have made active is not
  /// removed.
  private static func commands(_ writer: Int, _ round: Int, source: String) -> [[String]] {
    let (first, kept, other) = ("first-\(writer)-\(round)", "kept-\(writer)-\(round)", "other-\(writer)-\(round)")
    return [
      ["import", source, "--as", first], ["import", source, "--as", other],
      ["activate", "Parallel(\(first), debian-section)"], ["rename", first, kept], ["tag", kept, "done"],
      ["remove", other, "--yes"],
    ]
  }
}
