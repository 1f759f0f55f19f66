internal import Glibc
internal import Synchronization

/// Memory for vectors: aligned to a cache line, to huge pages where it is large; `deallocate()` frees it.
///
/// Whether a batch can fit is checked before it is computed (`Compute.requireMemory`). Where the system gives no memory
/// in the middle of a computation all the same, nothing can go on: the process ends with a message and exit code 1.
public func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  let byteCount = max(count, 16) * MemoryLayout<Float>.stride
  let hugePage = 2 << 20
  let large = byteCount >= 2 * hugePage
  var pointer: UnsafeMutableRawPointer?
  guard posix_memalign(&pointer, large ? hugePage : 64, byteCount) == 0, let pointer else {
    let message = "Error: There is no memory for another \(byteCount) bytes. Make batches smaller, or cut long texts.\n"
    message.withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
    _exit(1)
  }
  if large { madvise(pointer, byteCount, MADV_HUGEPAGE) }
  return pointer.assumingMemoryBound(to: Float.self)
}

/// Memory that passes borrow and give back, so that a steady stream of
/// passes asks the system for none.
public final class Buffers: Sendable {
  /// A piece of memory that the pool lends.
  ///
  /// `@unchecked`: the pool hands each piece to one borrower at a time.
  struct Piece: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
  }

  private struct State {
    var free: [Int: [Piece]] = [:]
    /// Bytes that nobody uses, all bytes, and the most of either kind.
    var retained = 0
    var held = 0
    var mostLent = 0
    var peak = 0
    var allocations = 0

    /// Takes a piece that nobody uses out of the pool, of the largest size there is.
    mutating func drop() -> Piece? {
      let sizes = free.lazy.filter { !$0.value.isEmpty }.map(\.key)
      guard let size = sizes.max(), let piece = free[size]?.popLast() else { return nil }
      retained -= size * MemoryLayout<Float>.stride
      held -= size * MemoryLayout<Float>.stride
      return piece
    }
  }

  private let state = Mutex(State())
  private let limit: Int

  /// What is kept whatever the most in use was.
  private static let small = 64 << 20

  /// Keeps at most `limit` bytes that nobody uses; and in all no more than twice the most that was in use at a time,
  /// however much the sizes that are requested vary.
  public init(limit: Int = 2 << 30) { self.limit = limit }

  deinit {
    state.withLock { state in
      for pieces in state.free.values { for piece in pieces { piece.base.deallocate() } }
    }
  }

  /// How often memory was requested from the system.
  public var allocations: Int { state.withLock { $0.allocations } }

  /// The bytes that are kept and not lent.
  public var retainedBytes: Int { state.withLock { $0.retained } }

  /// The most bytes that were held at a time, lent and kept.
  public var peakBytes: Int { state.withLock { $0.peak } }

  /// Memory for at least `count` values, not cleared.
  public func borrow(_ count: Int) -> UnsafeMutablePointer<Float> {
    let size = Self.sizeClass(count)
    let bytes = size * MemoryLayout<Float>.stride
    var dropped: [Piece] = []
    let piece: Piece? = state.withLock { state in
      state.mostLent = max(state.mostLent, state.held - state.retained + bytes)
      if let piece = state.free[size]?.popLast() {
        state.retained -= bytes
        return piece
      }
      let most = max(Self.small, 2 * state.mostLent)
      while state.held + bytes > most, let other = state.drop() { dropped.append(other) }
      state.allocations += 1
      state.held += bytes
      state.peak = max(state.peak, state.held)
      return nil
    }
    for other in dropped { other.base.deallocate() }
    return piece?.base ?? allocateFloats(size)
  }

  /// Takes back what `borrow(count)` lent.
  public func giveBack(_ base: UnsafeMutablePointer<Float>, count: Int) {
    let size = Self.sizeClass(count)
    let bytes = size * MemoryLayout<Float>.stride
    let piece = Piece(base: base)
    let kept = state.withLock { state in
      guard state.retained + bytes <= limit else {
        state.held -= bytes
        return false
      }
      state.free[size, default: []].append(piece)
      state.retained += bytes
      return true
    }
    if !kept { base.deallocate() }
  }

  /// Sizes are rounded up to a quarter of a power of two, so that lengths that differ little share memory.
  private static func sizeClass(_ count: Int) -> Int {
    guard count > 64 else { return 64 }
    let step = max(1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount - 2), 64)
    return (count + step - 1) / step * step
  }
}

/// Memory that lives as long as the object: handed out piece by piece, given back at once.
public final class Scratch {
  private let buffers: Buffers
  private let base: UnsafeMutablePointer<Float>
  private let capacity: Int
  private var used = 0

  /// Room for pieces of these sizes, in any order.
  public init(_ buffers: Buffers, capacities: [Int]) {
    self.buffers = buffers
    capacity = capacities.reduce(0) { $0 + Self.room($1) }
    base = buffers.borrow(capacity)
  }

  deinit { buffers.giveBack(base, count: capacity) }

  /// A piece for `count` values.
  public func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let first = used
    used += Self.room(count)
    precondition(used <= capacity, "scratch of \(capacity) values requested for \(used)")
    return base + first
  }

  /// A piece for rows.
  public func rows(_ rows: Int, _ columns: Int) -> Rows {
    Rows(floats(Self.size(rows, columns)), rows: rows, columns: columns, stride: Rows.spread(columns))
  }

  /// The size of a piece for rows.
  public static func size(_ rows: Int, _ columns: Int) -> Int { rows * Rows.spread(columns) }

  /// What a piece of `count` values takes: whole cache lines.
  private static func room(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
