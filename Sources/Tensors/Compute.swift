public import Kernels

/// What the linear layers of an encoder's layers are computed in. Everything else is computed in float32.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// The exact values of the file's weights.
  case float32
  /// Weights and inputs rounded to bfloat16, sums in float32.
  case bf16
  /// Weights rounded to eight bits, each output by itself, and inputs, each row by itself.
  case int8

  /// What weights and inputs are rounded to, if they are.
  public var rounding: Rounding? {
    switch self {
    case .float32: nil
    case .bf16: .bf16
    case .int8: .int8
    }
  }
}

/// What passes compute with: kernels, threads and memory. One for a process is enough.
public final class Compute: Sendable {
  public let kernels: VectorKernels
  public let threads: ThreadPool
  public let buffers: Buffers
  /// That of models that are loaded with this; nil: float32, or int8 for a checkpoint whose weights are int8.
  public let precision: Precision?

  /// - Parameters:
  ///   - kernels: by default the fastest that this processor runs.
  ///   - threads: threads that share a pass; by default one for each processor.
  ///   - precision: that of models that are loaded with this; nil: float32, or int8 for a checkpoint whose weights are
  ///     int8.
  public init(kernels: VectorKernels = .best, threads: Int? = nil, precision: Precision? = nil) {
    self.kernels = kernels
    self.precision = precision
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
    switch w.type {
    case .rounded(let rounding):
      let stride = kernels.rowBytes(rounding, columns: x.columns)
      let count = x.rows * stride / MemoryLayout<Float>.stride
      let memory = buffers.borrow(count)
      defer { buffers.giveBack(memory, count: count) }
      let rounded = RoundedRows(memory, stride: stride, rounding, rows: x.rows, columns: x.columns)
      forEachBlock(of: x.rows, size: 64) { kernels.round(x.slice($0), to: rounded.slice($0)) }
      forEachPart(of: x.rows, in: max(56, min(224, 688_128 / stride)), w) { rows, panels, _ in
        let outputs = w.outputs(of: panels)
        kernels.product(
          rounded.slice(rows), w.slice(panels), bias: bias?.columns(outputs), into: y.slice(rows).columns(outputs),
          epilogue: epilogue)
      }
    case .exact(let type):
      let scratch = PanelScratch(for: w, of: type, meeting: x.rows, self)
      forEachPart(of: x.rows, in: max(56, min(112, 172_032 / w.inputs)), w) { rows, panels, thread in
        let outputs = w.outputs(of: panels)
        kernels.product(
          x.slice(rows), w.slice(panels), bias: bias?.columns(outputs), into: y.slice(rows).columns(outputs),
          epilogue: epilogue, scratch: scratch?[thread])
      }
    }
  }

  /// Calls `body` with every block of rows of x and every group of panels of w, split over threads, and with the number
  /// of the thread. A block of x stays in the second-level cache while the panels of w pass.
  private func forEachPart(
    of count: Int, in block: Int, _ w: Panels, _ body: @Sendable (Range<Int>, Range<Int>, Int) -> Void
  ) {
    let blocks = (count + block - 1) / block
    let operations = 2 * count * w.outputs * w.inputs
    let wanted = operations < 1 << 20 ? 1 : 8 * threads.width
    let group = max(1, w.panelCount * max(blocks, 1) / wanted)
    let groups = (w.panelCount + group - 1) / group
    threads.forEach(blocks * groups) { item, thread in
      body(
        item / groups * block..<min((item / groups + 1) * block, count),
        item % groups * group..<min((item % groups + 1) * group, w.panelCount), thread)
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

  init?(for w: Panels, of type: WeightType, meeting rows: Int, _ compute: Compute) {
    guard type != .float32, rows > 1 else { return nil }
    size = w.inputs * w.width
    count = size * compute.threads.width
    buffers = compute.buffers
    base = buffers.borrow(count)
  }

  deinit { buffers.giveBack(base, count: count) }

  subscript(thread: Int) -> UnsafeMutablePointer<Float> { base + thread * size }
}
