internal import Checkpoints
internal import Foundation

extension StoredTensor {
  /// Checks all values.
  ///
  /// - Throws: ``NotFiniteTensor``, if one is NaN or infinite.
  func requireFinite() throws(NotFiniteTensor) {
    if let found = firstNotFinite { throw NotFiniteTensor(self, index: found.index, found.value) }
  }
}

/// Checks the values of all tensor files in a folder.
///
/// - Throws: ``NotFiniteTensor``; `CheckpointError` for an unreadable file.
func requireFiniteWeights(in folder: String) throws {
  for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  where name.hasSuffix(".safetensors") || name.hasSuffix(".bin") {
    for tensor in try TensorFile(path: "\(folder)/\(name)").tensors { try tensor.requireFinite() }
  }
}

/// A tensor with a value that is NaN or infinite.
public struct NotFiniteTensor: Error, Hashable, Sendable, CustomStringConvertible {
  public let tensor: String
  /// The index of the value, per dimension.
  public let place: [Int]
  public let value: Float

  fileprivate init(_ tensor: StoredTensor, index: Int, _ value: Float) {
    self.tensor = tensor.name
    self.value = value
    var rest = index
    place = Array(
      tensor.shape.reversed().map { size in
        defer { rest /= size }
        return rest % size
      }.reversed())
  }

  public var description: String {
    "The tensor '\(tensor)' holds numbers that are not finite: \(value.isNaN ? "NaN" : "\(value)") at \(place). "
      + "Was it trained with too high a learning rate, or damaged?"
  }
}
