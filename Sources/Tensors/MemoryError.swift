internal import Glibc
internal import Kernels

/// A computation needs more memory than the process may take.
public struct MemoryError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The bytes that are needed at least.
  public let needed: Int
  /// The most bytes the process's control group may hold, if that is why.
  public let limit: Int?
  /// What it is for: `a batch of 512 tokens`.
  public let purpose: String

  public var description: String {
    func megabytes(_ bytes: Int) -> String { "\(max(1, bytes >> 20)) MB" }
    return "There is no memory for \(purpose): it needs at least \(megabytes(needed)), "
      + (limit.map { "and this container may hold \(megabytes($0))." } ?? "and the system does not give that much.")
  }
}

extension Compute {
  /// Checks that values can fit before any of them is computed.
  ///
  /// - Parameters:
  ///   - floats: the values that are certainly held at a time.
  ///   - purpose: what they are, for the message.
  /// - Throws: ``MemoryError``, if there cannot be memory for so many.
  public func requireMemory(floats: Double, for purpose: @autoclosure () -> String) throws(MemoryError) {
    let bytes = floats * Double(MemoryLayout<Float>.stride)
    // What any process may take is not worth a call of the system.
    guard bytes > 128e6 else { return }
    let needed = bytes < 9e18 ? Int(bytes) : .max
    if let limit = ControlGroup.memory, needed > limit {
      throw MemoryError(needed: needed, limit: limit, purpose: purpose())
    }
    // What buffers keep for the next pass counts as free.
    let fresh = needed - buffers.retainedBytes
    guard fresh > 0 else { return }
    let block = mmap(nil, fresh, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let block, block != MAP_FAILED else { throw MemoryError(needed: needed, limit: nil, purpose: purpose()) }
    munmap(block, fresh)
  }
}
