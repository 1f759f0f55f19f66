internal import Deberta
internal import Glibc
internal import Kernels
internal import Model
internal import Tensors

/// Caches the hidden states of examples below the lowest adapter.
///
/// If only upper layers have adapters, the output of the lower ones for an example is the same in every epoch. It is
/// computed on first request and kept: in memory up to a budget, and beyond that in a temporary file. States that do
/// not fit on the disk are recomputed.
public final class PrefixCache {
  /// The number of layers below the cached states.
  public let layers: Int
  private let examples: [TrainingExample]
  private let width: Int
  /// The offset of each example's states, in values, and the end of the last one.
  private let starts: [Int]
  private let memory: UnsafeMutablePointer<Float>
  private let memoryCount: Int
  private let file: Int32
  private var isKept: [Bool]

  /// - Parameters:
  ///   - data: the examples to cache.
  ///   - layers: the number of lowest layers without adapters, at least 1.
  ///   - hiddenSize: the number of values per token.
  ///   - budget: the maximum memory in bytes.
  ///   - folder: the folder for the temporary file.
  /// - Throws: `PrefixCacheError`, if a required file cannot be created.
  public init(
    _ data: TrainingDataset, layers: Int, hiddenSize: Int, memory budget: Int, folder: String
  ) throws(PrefixCacheError) {
    precondition(layers > 0, "a cache of the states after no layer")
    self.layers = layers
    examples = data.examples
    width = hiddenSize
    starts = data.examples.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.tokenCount * hiddenSize) }
    isKept = Array(repeating: false, count: data.examples.count)
    let total = starts[starts.count - 1]
    let most = budget / MemoryLayout<Float>.stride
    memoryCount = total <= most ? total : starts.last { $0 <= most } ?? 0
    memory = allocateFloats(memoryCount)
    file = memoryCount < total ? try Self.unnamedFile(in: folder) : -1
  }

  deinit {
    memory.deallocate()
    if file >= 0 { close(file) }
  }

  /// The states of the examples in `batch`, given by index.
  func states(of indices: [Int], _ batch: Batch, _ encoder: Encoder) -> PrefixStates {
    let states = encoder.compute.tensor(rows: batch.tokenCount, columns: width)
    var rows: [Range<Int>] = []
    for index in indices {
      let first = rows.last?.upperBound ?? 0
      rows.append(first..<first + examples[index].tokenCount)
    }
    var missing: [Int] = []
    for (place, index) in indices.enumerated() where !(isKept[index] && read(index, into: states.rows(rows[place]))) {
      missing.append(place)
    }
    guard !missing.isEmpty else { return PrefixStates(states, layers: layers) }
    let pass = Pass(encoder.compute)
    let computed = encoder.states(
      afterLayers: layers, of: Batch(missing.map { examples[indices[$0]] }), on: pass)
    var first = 0
    for place in missing {
      let own = computed.rows(first..<first + rows[place].count)
      first += rows[place].count
      pass.copy(own, into: states.rows(rows[place]))
      isKept[indices[place]] = write(indices[place], own)
    }
    return PrefixStates(states, layers: layers)
  }

  private func read(_ index: Int, into states: Tensor) -> Bool {
    let range = starts[index]..<starts[index + 1]
    if range.upperBound <= memoryCount {
      for row in 0..<states.rows {
        (states.pointer + row * states.stride).update(from: memory + range.lowerBound + row * width, count: width)
      }
      return true
    }
    return (0..<states.rows).allSatisfy { row in
      transfer(states.pointer + row * states.stride, at: range.lowerBound + row * width, pread)
    }
  }

  private func write(_ index: Int, _ states: Tensor) -> Bool {
    let range = starts[index]..<starts[index + 1]
    if range.upperBound <= memoryCount {
      for row in 0..<states.rows {
        (memory + range.lowerBound + row * width).update(from: states.pointer + row * states.stride, count: width)
      }
      return true
    }
    return (0..<states.rows).allSatisfy { row in
      transfer(states.pointer + row * states.stride, at: range.lowerBound + row * width) {
        pwrite($0, UnsafeRawPointer($1), $2, $3)
      }
    }
  }

  /// Transfers one row between memory and the file; false if incomplete.
  private func transfer(
    _ row: UnsafeMutablePointer<Float>, at place: Int,
    _ move: (Int32, UnsafeMutableRawPointer?, Int, off_t) -> Int
  ) -> Bool {
    let size = MemoryLayout<Float>.stride
    let (start, bytes) = ((place - memoryCount) * size, width * size)
    var done = 0
    while done < bytes {
      let moved = move(file, UnsafeMutableRawPointer(row) + done, bytes - done, off_t(start + done))
      if moved < 0, errno == EINTR { continue }
      if moved <= 0 { return false }
      done += moved
    }
    return true
  }

  /// Creates a file without a name, which is deleted when it is closed.
  private static func unnamedFile(in folder: String) throws(PrefixCacheError) -> Int32 {
    var template = Array("\(folder)/.prefix-states-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw .cannotCreate(folder: folder, reason: String(cString: strerror(errno))) }
    unlink(template)
    return file
  }
}

/// Why a cache cannot be made.
public enum PrefixCacheError: Error, Hashable, Sendable, CustomStringConvertible {
  case cannotCreate(folder: String, reason: String)

  public var description: String {
    switch self {
    case .cannotCreate(let folder, let reason):
      "No file for the states of the lower layers can be made in \(folder) (\(reason)), and memory alone is not enough. "
        + "Give more memory, another folder, or train without the cache."
    }
  }
}
