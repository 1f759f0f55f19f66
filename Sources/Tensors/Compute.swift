public import Kernels

/// What passes compute with: kernels, threads and memory. One for a process is enough.
public final class Compute: Sendable {
  public let kernels: VectorKernels
  public let threads: ThreadPool
  public let buffers: Buffers

  /// - Parameters:
  ///   - kernels: by default the fastest that this processor runs.
  ///   - threads: threads that share a pass; by default one for each processor.
  public init(kernels: VectorKernels = .best, threads: Int? = nil) {
    self.kernels = kernels
    self.threads = ThreadPool(width: threads)
    buffers = Buffers()
  }

  /// The instruction set of the kernels, for people.
  public var instructionSet: String { kernels.instructionSet.rawValue }

  /// The most memory that passes have held at a time, in bytes.
  public var peakBytes: Int { buffers.peakBytes }

  /// A tensor that is not cleared, in memory of the pool.
  public func tensor(rows: Int, columns: Int) -> Tensor {
    let stride = Rows.spread(columns)
    return Tensor(Storage(rows * stride, from: buffers), rows: rows, columns: columns, stride: stride)
  }

  /// y = x wᵀ + bias, split over threads by rows and by panels of w.
  func product(_ x: Rows, _ w: Panels, bias: Rows? = nil, into y: Rows, epilogue: Epilogue = .store) {
    // A block of x stays in the second-level cache while the panels of w pass.
    let block = max(56, min(112, 172_032 / w.inputs))
    let blocks = (x.rows + block - 1) / block
    let operations = 2 * x.rows * w.outputs * w.inputs
    let wanted = operations < 1 << 20 ? 1 : 8 * threads.width
    let group = max(1, w.panelCount * max(blocks, 1) / wanted)
    let groups = (w.panelCount + group - 1) / group
    let scratch = PanelScratch(for: w, meeting: x.rows, self)
    threads.forEach(blocks * groups) { item, thread in
      let rows = item / groups * block..<min((item / groups + 1) * block, x.rows)
      let panels = item % groups * group..<min((item % groups + 1) * group, w.panelCount)
      let outputs = w.outputs(of: panels)
      kernels.product(
        x.slice(rows), w.slice(panels), bias: bias?.columns(outputs), into: y.slice(rows).columns(outputs),
        epilogue: epilogue, scratch: scratch?[thread])
    }
  }

  /// Calls `body` with blocks of rows, split over threads.
  func forEachBlock(of rows: Int, size: Int = 32, _ body: @Sendable (Range<Int>) -> Void) {
    threads.forEach((rows + size - 1) / size) { body($0 * size..<min(($0 + 1) * size, rows)) }
  }
}

/// Room for one panel in float32 for each thread, where halves meet so many rows that they are widened once for all.
///
/// `@unchecked Sendable`: each thread writes its own part.
private final class PanelScratch: @unchecked Sendable {
  private let base: UnsafeMutablePointer<Float>
  private let size: Int
  private let count: Int
  private let buffers: Buffers

  init?(for w: Panels, meeting rows: Int, _ compute: Compute) {
    guard w.type != .float32, rows > 1 else { return nil }
    size = w.inputs * w.width
    count = size * compute.threads.width
    buffers = compute.buffers
    base = buffers.borrow(count)
  }

  deinit { buffers.giveBack(base, count: count) }

  subscript(thread: Int) -> UnsafeMutablePointer<Float> { base + thread * size }
}
