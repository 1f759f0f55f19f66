public import Checkpoints
internal import Files

/// The tensors of a file whose names begin with `PREFIX/`, each to be read once.
///
/// Missing, misshapen or leftover tensors are errors that name them.
public struct SavedTensors {
  private let prefix: String
  private let file: String
  private var tensors: [String: StoredTensor] = [:]

  public init(_ file: TensorFile, under prefix: String) {
    self.prefix = prefix
    self.file = file.path
    for tensor in file.tensors where tensor.name.hasPrefix("\(prefix)/") {
      tensors[String(tensor.name.dropFirst(prefix.count + 1))] = tensor
    }
  }

  /// Whether all tensors were read.
  public var isEmpty: Bool { tensors.isEmpty }

  public func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// Takes the values of a tensor.
  ///
  /// - Throws: `missingTensor`, `wrongShape`.
  public mutating func take(_ name: String, shape: [Int]) throws(CheckpointError) -> [Float] {
    guard let tensor = tensors.removeValue(forKey: name) else {
      let nearest = NearestNames.of(name, in: tensors.keys.sorted()).map { "\(prefix)/\($0)" }
      throw .missingTensor(name: "\(prefix)/\(name)", file: file, nearest: nearest)
    }
    guard tensor.shape == shape else {
      throw .wrongShape(name: tensor.name, expected: shape, found: tensor.shape, file: file)
    }
    return try tensor.floats()
  }

  /// - Throws: `unusedTensors`, if any are left.
  public func finish() throws(CheckpointError) {
    guard isEmpty else { throw .unusedTensors(names: tensors.values.map(\.name).sorted(), file: file) }
  }
}
