import Foundation
import TestSupport
import Testing

@testable import AdapterHost

@Suite struct PrefetchTests {
  private struct Failure: Error {}

  /// Counts up to a number, after which there is an end or a failure.
  private func numbers(to end: Int, fails: Bool = false) -> Prefetch<Int, Int> {
    Prefetch(0) { next in
      next += 1
      if next <= end { return next }
      if fails { throw Failure() }
      return nil
    }
  }

  @Test func `Elements come in order, and the end stays the end`() throws {
    let sequence = numbers(to: 1_000)
    for number in 1...1_000 { #expect(try sequence.next() == number) }
    #expect(try sequence.next() == nil)
    #expect(try sequence.next() == nil)
  }

  @Test func `A failure comes in its place, once`() throws {
    let sequence = numbers(to: 2, fails: true)
    #expect(try sequence.next() == 1)
    #expect(try sequence.next() == 2)
    #expect(throws: Failure.self) { _ = try sequence.next() }
    #expect(try sequence.next() == nil)
  }

  /// Freeing a semaphore below the value it was created with ends the process.
  @Test func `A sequence that is dropped at any point leaves the process alive`() throws {
    for round in 0..<2_000 {
      let sequence = numbers(to: round % 4, fails: round % 3 == 0)
      for _ in 0..<round % 6 { _ = try? sequence.next() }
    }
  }

  @Test func `Texts are answered by eight tasks while every third one fails, and the process lives`() async throws {
    let predictor = try Shipped.predictor("debian-section")
    let texts = ProcessInfo.processInfo.environment["PREDICTION_STRESS"].flatMap(Int.init) ?? 240
    let expected = try predictor.predict(["a library for texts"])[0][head: "debian-section"]
    #expect(expected != nil)
    try await withThrowingTaskGroup(of: (answered: Int, failed: Int).self) { group in
      for task in 0..<8 {
        group.addTask {
          var inputs: [TextInput] = []
          for index in 0..<texts / 8 {
            let isBad = (index + task) % 3 == 0
            inputs.append(
              TextInput("a library for texts", setup: isBad ? try Composition("Stack(nothing)") : nil, index: index))
          }
          // The throwing form gives up at the first bad text; what was read ahead is dropped.
          #expect(throws: UnansweredText.self) { _ = try predictor.predict(inputs) }
          var counts = (answered: 0, failed: 0)
          try predictor.predict(TextSource(inputs)) { batch in
            for outcome in batch {
              switch outcome {
              case .success(let prediction):
                counts.answered += 1
                #expect(prediction[head: "debian-section"] == expected)
              case .failure: counts.failed += 1
              }
            }
          }
          #expect(counts.answered + counts.failed == texts / 8)
          return counts
        }
      }
      var counts = (answered: 0, failed: 0)
      for try await count in group { counts = (counts.answered + count.answered, counts.failed + count.failed) }
      #expect(counts.answered > 0 && counts.failed >= texts / 8 / 3 * 8)
    }
  }
}
