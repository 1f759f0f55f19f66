import Glibc

/// The files that the tensors of a saved adapter, fusion or head go to.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// The file that Python's `load_adapter(folder)` looks for.
  case bin
  /// The file that `load_adapter(folder, use_safetensors=True)` looks for.
  case safetensors
  /// Both, with the same values.
  case both

  /// The format of the files that a folder has, of pairs of names with that of safetensors first; safetensors, if it has
  /// none.
  public init(found names: [[String]], in folder: String) {
    func has(_ index: Int) -> Bool { names.contains { access("\(folder)/\($0[index])", F_OK) == 0 } }
    self = !has(1) ? .safetensors : has(0) ? .both : .bin
  }

  /// Writes tensors to a folder, which exists. A file of the other format that an earlier call left is removed: it
  /// would hold other values.
  ///
  /// - Parameters:
  ///   - tensors: what is written.
  ///   - names: the two files' names, that of safetensors first.
  ///   - folder: where they go.
  /// - Throws: `CheckpointError`, if a file cannot be written.
  public func write(
    _ tensors: [OutgoingTensor], as names: [String], to folder: String
  ) throws(CheckpointError) {
    let (safetensors, bin) = ("\(folder)/\(names[0])", "\(folder)/\(names[1])")
    if self != .bin { try Safetensors.write(tensors, to: safetensors) } else { try Self.remove(safetensors) }
    if self != .safetensors { try TorchArchive.write(tensors, to: bin) } else { try Self.remove(bin) }
  }

  private static func remove(_ path: String) throws(CheckpointError) {
    guard unlink(path) == 0 || errno == ENOENT else {
      throw .cannotWrite(path: path, operation: "removing the other format's file", code: errno)
    }
  }
}
