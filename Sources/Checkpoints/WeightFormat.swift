import Glibc

/// The file formats for the tensors of a saved adapter, fusion or head.
public enum WeightFormat: String, Sendable, CaseIterable {
  /// The file expected by Python's `load_adapter(folder)`.
  case bin
  /// The file expected by `load_adapter(folder, use_safetensors=True)`.
  case safetensors
  /// Both, with the same values.
  case both

  /// The format of a folder's existing files, given pairs of names with that of safetensors first; safetensors, if
  /// there are none.
  public init(found names: [[String]], in folder: String) {
    func has(_ index: Int) -> Bool { names.contains { access("\(folder)/\($0[index])", F_OK) == 0 } }
    self = !has(1) ? .safetensors : has(0) ? .both : .bin
  }

  /// Writes tensors to an existing folder.
  ///
  /// A file of the other format from an earlier call is removed, because its values would be outdated.
  ///
  /// - Parameters:
  ///   - tensors: the tensors to write.
  ///   - names: the names of the two files, safetensors first.
  ///   - folder: the destination.
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
