import Glibc
import Synchronization
import Tensors
import Testing

/// A count for each index, which only the call of that index changes.
private final class Calls: @unchecked Sendable {
  private let counts: UnsafeMutablePointer<Int>
  let count: Int

  init(_ count: Int) {
    self.count = count
    counts = .allocate(capacity: max(count, 1))
    counts.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { counts.deallocate() }

  func call(_ index: Int) { counts[index] += 1 }

  var all: [Int] { (0..<count).map { counts[$0] } }
}

@Suite struct ThreadPoolTests {
  @Test(arguments: [1, 2, 3, 5])
  func everyIndexIsCalledExactlyOnce(_ width: Int) {
    let pool = ThreadPool(width: width)
    #expect(pool.width == width)
    for count in [0, 1, 2, 3, 7, 64, 1001] {
      let calls = Calls(count)
      pool.forEach(count) { calls.call($0) }
      #expect(calls.all == Array(repeating: 1, count: count))
    }
  }

  @Test(arguments: [1_000, 100_000, Int.max])
  func `More threads than make sense are as many as make sense`(_ width: Int) {
    let pool = ThreadPool(width: width)
    #expect(pool.width > 1 && pool.width <= ThreadPool.most)
    let calls = Calls(1_000)
    pool.forEach(1_000) { calls.call($0) }
    #expect(calls.all == Array(repeating: 1, count: 1_000))
  }

  @Test func `No width, or one below 1, is a thread or more`() {
    #expect(ThreadPool(width: nil).width == min(Processors.available, ThreadPool.most))
    #expect(ThreadPool(width: 0).width == 1)
    #expect(ThreadPool(width: .min).width == 1)
  }

  /// Each item waits for the others, so they can only end if they run at the same time.
  @Test(arguments: [2, 3, 4])
  func asManyItemsRunAtATimeAsThereAreThreads(_ width: Int) {
    let pool = ThreadPool(width: width)
    let arrived = Atomic<Int>(0)
    let metAll = Atomic<Int>(0)
    let deadline = time(nil) + 30
    pool.forEach(width) { _ in
      arrived.wrappingAdd(1, ordering: .sequentiallyConsistent)
      while arrived.load(ordering: .sequentiallyConsistent) < width, time(nil) < deadline { sched_yield() }
      if arrived.load(ordering: .sequentiallyConsistent) == width {
        metAll.wrappingAdd(1, ordering: .sequentiallyConsistent)
      }
    }
    #expect(metAll.load(ordering: .sequentiallyConsistent) == width)
  }

  @Test func aLoopWithinALoopIsDone() {
    let pool = ThreadPool(width: 3)
    let calls = Calls(20 * 30)
    pool.forEach(20) { outer in
      pool.forEach(30) { inner in calls.call(outer * 30 + inner) }
    }
    #expect(calls.all == Array(repeating: 1, count: calls.count))
  }

  @Test func loopsOfSeveralTasksAreDoneAtTheSameTime() async {
    let pool = ThreadPool(width: 3)
    let results = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          (0..<200).allSatisfy { round in
            let calls = Calls(round % 13 + 1)
            pool.forEach(calls.count) { calls.call($0) }
            return calls.all == Array(repeating: 1, count: calls.count)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: true, count: 8))
  }

  /// Long pauses, in which the threads fall asleep, and none.
  @Test func threadsWakeUpForEveryLoop() {
    let pool = ThreadPool(width: 2)
    for round in 0..<400 {
      if round % 20 == 0 { usleep(3_000) }
      let calls = Calls(9)
      pool.forEach(9) { calls.call($0) }
      #expect(calls.all == Array(repeating: 1, count: 9))
    }
  }

  @Test func poolsComeAndGo() {
    for round in 0..<100 {
      let pool = ThreadPool(width: 1 + round % 4)
      let calls = Calls(5)
      if round % 3 != 0 { pool.forEach(5) { calls.call($0) } }
      #expect(calls.all == Array(repeating: round % 3 == 0 ? 0 : 1, count: 5))
    }
  }
}
