import Testing

@testable import AdapterHost

/// Tokens are shared fairly among those who wait.
@Suite struct FairQueueTests {
  private typealias Queue = FairQueue<String>

  private func queue(
    _ counts: [(key: String, rows: Int, tokens: Int)], weights: [String: Int] = [:],
    _ service: ServiceClass = .interactive
  ) -> Queue {
    var queue = Queue(weights: weights)
    for (key, rows, tokens) in counts {
      for _ in 0..<rows { queue.append(key, tokens: tokens, key: key, service) }
    }
    return queue
  }

  /// How many tokens of each key were taken, in passes of a budget, while all of them waited.
  private func shares(_ queue: Queue, budget: Int, passes: Int, tokens: [String: Int]) -> [String: Int] {
    var (queue, shares) = (queue, [String: Int]())
    for _ in 0..<passes {
      for key in queue.take(budget: budget) { shares[key, default: 0] += tokens[key] ?? 0 }
    }
    return shares
  }

  @Test func oneKeyIsServedInItsOrder() {
    var queue = Queue()
    for name in ["a", "b", "c", "d"] { queue.append(name, tokens: 10, key: "k", .interactive) }
    #expect(queue.tokens == 40 && queue.tokens(of: "k") == 40)
    #expect(queue.take(budget: 25) == ["a", "b"])
    #expect(queue.take(budget: 25) == ["c", "d"])
    #expect(queue.take(budget: 25) == [] && queue.isEmpty && queue.tokens == 0)
  }

  @Test func whatIsLongerThanTheBudgetIsTakenAlone() {
    var queue = Queue()
    for (name, tokens) in [("short", 10), ("long", 500), ("next", 10)] {
      queue.append(name, tokens: tokens, key: "k", .interactive)
    }
    #expect(queue.take(budget: 100) == ["short"])
    #expect(queue.take(budget: 100) == ["long"])
    #expect(queue.take(budget: 100) == ["next"])
  }

  /// Long rows and short ones get the same tokens; in a queue without keys the one who sends most would get most.
  @Test func aFloodTakesNoMoreThanItsShare() {
    let flood = queue([("flood", 10_000, 40), ("light", 200, 8), ("other", 200, 64)])
    let shares = shares(flood, budget: 256, passes: 20, tokens: ["flood": 40, "light": 8, "other": 64])
    for key in ["flood", "other"] {
      let ratio = Double(shares[key] ?? 0) / Double(shares["light"] ?? 1)
      #expect(ratio > 0.9 && ratio < 1.3, "\(shares)")
    }
  }

  @Test func aWeightIsAShare() {
    let queue = queue([("a", 1000, 16), ("b", 1000, 16)], weights: ["a": 3])
    let shares = shares(queue, budget: 256, passes: 20, tokens: ["a": 16, "b": 16])
    #expect(shares["a"] == 3 * (shares["b"] ?? 0), "\(shares)")
  }

  /// A turn that the end of a pass cuts goes on in the next one.
  @Test func smallBudgetsKeepTheShares() {
    let queue = queue([("a", 1000, 16), ("b", 1000, 16), ("c", 1000, 16)])
    let shares = shares(queue, budget: 32, passes: 120, tokens: ["a": 16, "b": 16, "c": 16])
    #expect(Set(shares.values) == [1280], "\(shares)")
  }

  @Test func bulkGetsWhatIsLeftAndATenthWhereNothingIs() {
    var queue = queue([("a", 10_000, 16)])
    for _ in 0..<1000 { queue.append("bulk", tokens: 16, key: "bulk", .bulk) }
    let shares = shares(queue, budget: 256, passes: 100, tokens: ["a": 16, "bulk": 16])
    let share = Double(shares["bulk"] ?? 0) / Double(100 * 256)
    #expect(share > 0.09 && share < 0.11, "\(shares)")
    // Negative control: alone it gets everything.
    var alone = self.queue([("bulk", 100, 16)], .bulk)
    #expect(alone.take(budget: 256).count == 16)
  }

  @Test func whatIsRemovedIsNotTaken() {
    var queue = queue([("a", 4, 10), ("b", 4, 10)])
    #expect(queue.remove { $0 == "a" }.count == 4)
    #expect(queue.tokens == 40 && queue.tokens(of: "a") == 0 && queue.keys == ["b"])
    #expect(queue.take(budget: 1000) == ["b", "b", "b", "b"])
  }
}
