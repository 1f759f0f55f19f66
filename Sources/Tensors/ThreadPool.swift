internal import Glibc
internal import Kernels
internal import Synchronization

/// Threads that share one loop at a time with their caller.
///
/// Items are taken one by one by whoever is free. The caller takes part from
/// the first item on and waits for no thread that has not begun: a worker
/// that the system has not scheduled is left out of the loop. A worker that is
/// taken off its processor in the midst of an item does hold the loop up; the
/// caller sees that by the processor time that the worker gets, and keeps its
/// next loops to itself for a while (`Trust`).
///
/// A loop that begins while another one runs is done by its caller alone, so
/// passes on several tasks neither wait for each other nor start more threads
/// than there are. Which thread does an item never changes what it computes.
public final class ThreadPool: Sendable {
  private let crew: Crew
  private let threads: [pthread_t]

  /// The threads that share a loop, the caller's included.
  public let width: Int

  /// - Parameter width: threads that share a loop; by default one for each processor that the process may use. There
  ///   are fewer if the system starts no more, and never more than ``most``.
  public init(width: Int? = nil) {
    let crew = Crew(workers: min(max(1, width ?? Processors.available), Self.most) - 1)
    self.crew = crew
    var threads: [pthread_t] = []
    for worker in crew.workers {
      var thread = pthread_t()
      let shift = Unmanaged.passRetained(Shift(crew: crew, worker: worker))
      let status = pthread_create(
        &thread, nil,
        { pointer in
          guard let pointer else { return nil }
          Unmanaged<Shift>.fromOpaque(pointer).takeRetainedValue().work()
          return nil
        }, shift.toOpaque())
      guard status == 0 else {
        shift.release()
        break
      }
      threads.append(thread)
    }
    self.threads = threads
    self.width = threads.count + 1
  }

  /// More threads than this only wait for each other: four for each processor of the machine, but at least 64.
  public static var most: Int { max(64, 4 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  deinit {
    crew.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` once for every index below `count`, on several threads, and returns when all are done.
  ///
  /// The calls run at the same time: each may write only what belongs to its own index.
  public func forEach(_ count: Int, _ body: @Sendable (Int) -> Void) {
    forEach(count) { index, _ in body(index) }
  }

  /// Calls `body` as `forEach` does, with the number of the thread that calls, below `width`: each thread has the
  /// scratch memory of its number to itself.
  public func forEach(_ count: Int, _ body: @Sendable (_ index: Int, _ thread: Int) -> Void) {
    guard count > 1, width > 1, crew.enter() else {
      for index in 0..<count { body(index, 0) }
      return
    }
    withoutActuallyEscaping(body) { crew.run(count, $0) }
    crew.leave()
  }
}

/// A worker and the crew that it belongs to, for the start of its thread.
private final class Shift {
  let crew: Crew
  let worker: Worker

  init(crew: Crew, worker: Worker) {
    self.crew = crew
    self.worker = worker
  }

  func work() { crew.work(as: worker) }
}

/// What one worker says of itself.
private final class Worker: Sendable {
  let number: Int
  /// Whether it is doing items of a loop.
  let isWorking = Atomic<Bool>(false)
  /// The clock of the processor time that it gets; 0 before it runs.
  let clock = Atomic<Int32>(0)

  init(number: Int) { self.number = number }
}

/// What the threads share.
///
/// `@unchecked Sendable`: `body`, `items` and `trust` are touched by the one
/// caller that holds `isBusy`. Workers read `body` and `items` only between
/// entering an open loop and leaving it; the caller writes them before it
/// opens a loop, and not again until it has closed the loop and all have left.
private final class Crew: @unchecked Sendable {
  let workers: [Worker]
  private var body: ((Int, Int) -> Void)?
  private var items = 0
  private var trust = Trust()
  private let next = Atomic<Int>(0)
  /// The loop's number in the upper bits, odd while it is open; in the lower ones how many workers are in it.
  private let gate = Atomic<UInt>(0)
  private let isBusy = Atomic<Bool>(false)
  private let isStopped = Atomic<Bool>(false)
  /// Whether waiting workers look for work instead of sleeping at once.
  private let isSpinning = Atomic<Bool>(true)
  private let sleepers = Atomic<Int>(0)
  private let bell = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

  private static let workerMask: UInt = 0xFFFF
  private static let loop: UInt = workerMask + 1
  private static func isOpen(_ gate: UInt) -> Bool { gate & loop != 0 }

  /// How often a thread looks for work before it sleeps: some tens of microseconds.
  private static let patience = 4_000

  init(workers count: Int) {
    precondition(count < Self.workerMask, "\(count) threads")
    workers = (0..<count).map { Worker(number: $0 + 1) }
    sem_init(bell, 0, 0)
  }

  deinit {
    sem_destroy(bell)
    bell.deallocate()
  }

  /// Whether the caller may run a loop: nobody else does, and the workers can be relied on.
  func enter() -> Bool {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    else { return false }
    if trust.isGiven {
      isSpinning.store(trust.isFull, ordering: .relaxed)
      return true
    }
    leave()
    return false
  }

  func leave() { isBusy.store(false, ordering: .releasing) }

  func run(_ count: Int, _ body: @escaping (Int, Int) -> Void) {
    self.body = body
    items = count
    next.store(0, ordering: .relaxed)
    gate.wrappingAdd(Self.loop, ordering: .sequentiallyConsistent)
    wake(count - 1)
    takeItems(as: 0)
    gate.wrappingAdd(Self.loop, ordering: .acquiringAndReleasing)
    awaitWorkers()
    self.body = nil
  }

  func stop() {
    isStopped.store(true, ordering: .sequentiallyConsistent)
    for _ in workers { sem_post(bell) }
  }

  func work(as worker: Worker) {
    var clock: clockid_t = 0
    if pthread_getcpuclockid(pthread_self(), &clock) == 0 { worker.clock.store(clock, ordering: .releasing) }
    var seen: UInt = 0
    while let loop = enterLoop(after: seen) {
      seen = loop
      worker.isWorking.store(true, ordering: .releasing)
      takeItems(as: worker.number)
      worker.isWorking.store(false, ordering: .releasing)
      gate.wrappingSubtract(1, ordering: .releasing)
    }
  }

  private func takeItems(as thread: Int) {
    guard let body else { return }
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < items else { return }
      body(index, thread)
    }
  }

  /// Enters an open loop other than the one seen last, as soon as there is one; nil when the crew is stopped.
  private func enterLoop(after seen: UInt) -> UInt? {
    var looks = 0
    while !isStopped.load(ordering: .acquiring) {
      var now = gate.load(ordering: .sequentiallyConsistent)
      while Self.isOpen(now), now & ~Self.workerMask != seen {
        let entering = gate.weakCompareExchange(
          expected: now, desired: now + 1, ordering: .acquiring)
        if entering.exchanged { return now & ~Self.workerMask }
        now = entering.original
      }
      looks += 1
      if looks < Self.patience, isSpinning.load(ordering: .relaxed) {
        spinHint()
      } else {
        sleep(after: seen)
        looks = 0
      }
    }
    return nil
  }

  /// Sleeps until the bell rings. A bell too many ends some later sleep early, which does no harm.
  private func sleep(after seen: UInt) {
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    // Who opens a loop now either sees a sleeper or is seen here.
    let now = gate.load(ordering: .sequentiallyConsistent)
    if Self.isOpen(now), now & ~Self.workerMask != seen { return }
    if isStopped.load(ordering: .sequentiallyConsistent) { return }
    while sem_wait(bell) != 0, errno == EINTR {}
  }

  /// Wakes at most `count` of those that sleep.
  private func wake(_ count: Int) {
    var sleeping = sleepers.load(ordering: .sequentiallyConsistent)
    while sleeping > 0 {
      let waking = min(sleeping, count)
      let change = sleepers.weakCompareExchange(
        expected: sleeping, desired: sleeping - waking, ordering: .sequentiallyConsistent)
      if change.exchanged {
        for _ in 0..<waking { sem_post(bell) }
        return
      }
      sleeping = change.original
    }
  }

  /// Waits for those that are still in the loop, and notes whether one of them does not get on.
  private func awaitWorkers() {
    var looks = 0
    var watch: Watch?
    while gate.load(ordering: .acquiring) & Self.workerMask > 0 {
      looks += 1
      guard looks >= Self.patience else {
        spinHint()
        continue
      }
      sched_yield()
      if let known = watch {
        guard known.isOver else { continue }
        if known.hasStalled(workers) { trust.stalled() }
      }
      watch = Watch(workers)
    }
  }
}

/// The processor time that working threads have had at one moment.
private struct Watch {
  private let start = nanoseconds(CLOCK_MONOTONIC)
  private let times: [Int]

  /// How long a thread is watched, in nanoseconds.
  private static let span = 200_000

  init(_ workers: [Worker]) { times = workers.map(Self.time) }

  var isOver: Bool { nanoseconds(CLOCK_MONOTONIC) - start >= Self.span }

  /// Whether a worker that is in the midst of an item has run for less than half of the time since.
  func hasStalled(_ workers: [Worker]) -> Bool {
    let passed = nanoseconds(CLOCK_MONOTONIC) - start
    return zip(workers, times).contains { worker, before in
      worker.isWorking.load(ordering: .acquiring) && 2 * (Self.time(worker) - before) < passed
    }
  }

  private static func time(_ worker: Worker) -> Int {
    let clock = worker.clock.load(ordering: .acquiring)
    return clock == 0 ? 0 : nanoseconds(clock)
  }
}

/// Whether workers are worth having.
///
/// Every stall doubles the time, from 10 ms to a second and more, in which callers keep their loops to themselves; a
/// trial that goes as long without one halves it. So a process that holds a processor costs little more than the first
/// stalls, and a lone stall on a quiet machine costs a few milliseconds.
private struct Trust {
  private var pause = 0
  private var resumes = 0

  private static let shortest = 10_000_000
  private static let longest = 1_280_000_000

  /// Whether nothing has stalled of late.
  var isFull: Bool { pause == 0 }

  /// Whether workers may take part now.
  var isGiven: Bool {
    mutating get {
      if pause == 0 { return true }
      let now = nanoseconds(CLOCK_MONOTONIC)
      if now < resumes { return false }
      if now - resumes >= pause {
        pause = pause / 2 < Self.shortest ? 0 : pause / 2
        resumes = now
      }
      return true
    }
  }

  /// Notes that a worker held a loop up.
  mutating func stalled() {
    let now = nanoseconds(CLOCK_MONOTONIC)
    if now >= resumes { pause = min(max(2 * pause, Self.shortest), Self.longest) }
    resumes = now + pause
  }
}

/// What a clock shows.
private func nanoseconds(_ clock: clockid_t) -> Int {
  var time = timespec()
  clock_gettime(clock, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
