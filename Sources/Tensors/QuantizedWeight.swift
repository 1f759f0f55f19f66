internal import Checkpoints
internal import Kernels

/// A weight [outputs, inputs] that a file holds as int8 with a scale for each output, where the file is mapped.
public struct QuantizedWeight {
  /// What the name of the scales adds to that of the values.
  public static let scaleSuffix = "_scale"

  private let stored: StoredTensor
  private let scales: Tensor
  /// Memory for values that cannot be used where they are.
  private let copy: RoundedMatrix?

  /// - Parameters:
  ///   - stored: int8 [outputs, inputs].
  ///   - scales: float32 [outputs].
  /// - Throws: `badScale`.
  init(_ stored: StoredTensor, scales storedScales: StoredTensor) throws(CheckpointError) {
    self.stored = stored
    scales = try Tensor(storedScales)
    for index in 0..<scales.columns {
      let scale = scales.pointer[index]
      guard scale.isFinite, scale > 0 else {
        throw .badScale(name: storedScales.name, index: index, value: "\(scale)", file: stored.file)
      }
    }
    if stored.isMapped {
      copy = nil
    } else {
      let copy = RoundedMatrix(rows: stored.shape[0], columns: stored.shape[1], .int8, from: Buffers())
      stored.withUnsafeBytes { bytes in
        if let base = bytes.baseAddress { copy.values.values.copyMemory(from: base, byteCount: bytes.count) }
      }
      self.copy = copy
    }
  }

  /// The values with their scales, as long as this lives.
  var values: RoundedWeights {
    // The address stays good after the call: the tensor keeps the file mapped.
    let base =
      copy?.values.values
      ?? stored.withUnsafeBytes { bytes in bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) } }
    guard let base else { preconditionFailure("'\(stored.name)' has no values") }
    return RoundedWeights(base, scales: scales.pointer, .int8, rows: stored.shape[0], columns: stored.shape[1])
  }

  func releasePages() { stored.releasePages() }
}
