internal import Glibc
internal import Kernels
internal import Synchronization

/// Threads that split one loop at a time with their caller.
///
/// A loop that is asked for while another one runs is done by its caller
/// alone, so passes on several tasks neither wait for each other nor start
/// more threads than there are. Which thread does an item never changes
/// what the item computes.
public final class ThreadPool: Sendable {
  private let workers: Workers
  private let threads: [pthread_t]

  /// The threads that share a loop, the caller's included.
  public let width: Int

  /// - Parameter width: threads that share a loop; by default one for each processor that the process may use. There
  ///   are fewer if the system starts no more, and never more than ``most``.
  public init(width: Int? = nil) {
    let width = min(max(1, width ?? Processors.available), Self.most)
    let workers = Workers()
    self.workers = workers
    var threads: [pthread_t] = []
    while threads.count < width - 1 {
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { pointer in
          guard let pointer else { return nil }
          Unmanaged<Workers>.fromOpaque(pointer).takeRetainedValue().work()
          return nil
        }, Unmanaged.passRetained(workers).toOpaque())
      guard status == 0 else {
        Unmanaged.passUnretained(workers).release()
        break
      }
      threads.append(thread)
    }
    workers.count = threads.count
    self.threads = threads
    self.width = threads.count + 1
  }

  /// More threads than this only wait for each other: four for each processor of the machine, but at least 64.
  public static var most: Int { max(64, 4 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  deinit {
    workers.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// Calls `body` once for every index below `count`, on several threads, and returns when all are done.
  ///
  /// The calls run at the same time: each may write only what belongs to its own index.
  public func forEach(_ count: Int, _ body: (Int) -> Void) {
    guard count > 1, width > 1, workers.enter() else {
      for index in 0..<count { body(index) }
      return
    }
    withoutActuallyEscaping(body) { workers.run(count, $0) }
    workers.leave()
  }
}

/// What the threads share.
///
/// `@unchecked Sendable`: `body` and `items` are written by the one caller
/// that holds `busy`, before it raises `generation`, and are read by workers
/// only between seeing that and lowering `running`, which the caller awaits.
/// `count` is written once, by the pool's `init`, and read by callers alone.
private final class Workers: @unchecked Sendable {
  /// The threads besides the caller.
  var count = 0
  private var body: ((Int) -> Void)?
  private var items = 0
  private let next = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let generation = Atomic<Int>(0)
  private let busy = Atomic<Bool>(false)
  private let stopped = Atomic<Bool>(false)
  private let asleep = Atomic<Int>(0)
  private var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// How often a thread looks for work before it sleeps: some tens of microseconds.
  private static let patience = 4_000

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(wake, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(wake)
    mutex.deallocate()
    wake.deallocate()
  }

  func enter() -> Bool {
    busy.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
  }

  func leave() { busy.store(false, ordering: .releasing) }

  func run(_ count: Int, _ body: @escaping (Int) -> Void) {
    self.body = body
    items = count
    next.store(0, ordering: .relaxed)
    running.store(self.count, ordering: .relaxed)
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if asleep.load(ordering: .sequentiallyConsistent) > 0 { broadcast() }
    takeItems()
    var looks = 0
    while running.load(ordering: .acquiring) > 0 {
      looks += 1
      if looks < Self.patience { spinHint() } else { sched_yield() }
    }
    self.body = nil
  }

  func stop() {
    stopped.store(true, ordering: .sequentiallyConsistent)
    generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
    broadcast()
  }

  func work() {
    var seen = 0
    while true {
      seen = awaitGeneration(after: seen)
      if stopped.load(ordering: .acquiring) { return }
      takeItems()
      running.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    }
  }

  private func takeItems() {
    guard let body else { return }
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < items else { return }
      body(index)
    }
  }

  private func awaitGeneration(after seen: Int) -> Int {
    for _ in 0..<Self.patience {
      let now = generation.load(ordering: .acquiring)
      if now != seen { return now }
      spinHint()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    asleep.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { asleep.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let now = generation.load(ordering: .sequentiallyConsistent)
      if now != seen { return now }
      pthread_cond_wait(wake, mutex)
    }
  }

  private func broadcast() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(wake)
    pthread_mutex_unlock(mutex)
  }
}
