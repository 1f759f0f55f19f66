import Glibc

/// The tensors of one file, or of several shards, by name.
///
/// ```swift
/// let file = try TensorFile(path: "model.safetensors")
/// let table = try file["embeddings.word_embeddings.weight"]?.floats()
/// ```
public struct TensorFile: Sendable {
  /// The opened file, or the index of its shards; for messages.
  public let path: String
  /// The tensors, sorted by name, without duplicates.
  public let tensors: [StoredTensor]
  /// The metadata of a safetensors file (`__metadata__`); else empty.
  public let metadata: [String: String]
  /// The sorted names of entries in a PyTorch state dict that are not tensors, such as an epoch number.
  ///
  /// They are not read any further.
  public let otherEntries: [String]
  /// The configuration that Microsoft's training code stores in a state, as its member `config`.
  public let configuration: JSONValue?

  /// Sorts the tensors by name.
  ///
  /// - Throws: ``CheckpointError/duplicateTensor(name:files:)``.
  init(
    path: String, tensors: [StoredTensor], metadata: [String: String] = [:], otherEntries: [String] = [],
    configuration: JSONValue? = nil
  ) throws(CheckpointError) {
    let sorted = tensors.sorted { $0.name < $1.name }
    for (first, second) in zip(sorted, sorted.dropFirst()) where first.name == second.name {
      let files = first.file == second.file ? [first.file] : [first.file, second.file].sorted()
      throw .duplicateTensor(name: first.name, files: files)
    }
    self.path = path
    self.tensors = sorted
    self.metadata = metadata
    self.otherEntries = otherEntries.sorted()
    self.configuration = configuration
  }

  /// The tensor with this name, if the file has one.
  ///
  /// - Complexity: O(log *n*) comparisons of names.
  public subscript(name: String) -> StoredTensor? {
    var low = 0
    var high = tensors.count
    while low < high {
      let middle = (low + high) / 2
      if tensors[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low < tensors.count && tensors[low].name == name ? tensors[low] : nil
  }

  /// Opens a file, detecting its format from its contents: safetensors, the zip archive written since PyTorch 1.6, or
  /// the pickles written before.
  ///
  /// - Throws: ``CheckpointError``, for every violation of the format, and for anything other than data.
  ///   its format or ask for more than data.
  ///
  /// - Parameters:
  ///   - path: the file's path.
  ///   - name: the name for the tensor of a PyTorch file that contains nothing else, such as `embedding.pt`; nil: such
  ///     a file is refused.
  public init(path: String, singleTensor name: String? = nil) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    switch try FileFormat(of: file) {
    case .safetensors: self = try readSafetensors(file)
    case .torchArchive: self = try readTorchArchive(file, singleTensor: name)
    case .torchPickles: self = try readTorchPickles(file, singleTensor: name)
    }
  }

  /// Opens the first existing file of `names` in `folder`.
  ///
  /// - Throws: ``CheckpointError/noneFound(names:folder:)`` if there is none, and the errors of
  ///   ``init(path:singleTensor:)``.
  public static func first(of names: [String], in folder: String) throws(CheckpointError) -> TensorFile {
    for name in names {
      let path = "\(folder)/\(name)"
      if access(path, F_OK) == 0 { return try TensorFile(path: path) }
    }
    throw .noneFound(names: names, folder: folder)
  }
}

/// The formats, distinguished by a file's first bytes.
enum FileFormat {
  case safetensors, torchArchive, torchPickles

  /// - Throws: ``CheckpointError/gitLFSPointer(path:)``.
  init(of file: MappedFile) throws(CheckpointError) {
    let start = file.copy(0..<min(file.count, 64))
    if start.starts(with: "PK\u{3}\u{4}".utf8) {
      self = .torchArchive
    } else if start.starts(with: "version https://git-lfs".utf8) {
      throw .gitLFSPointer(path: file.path)
    } else if start.count >= 8, start[0] == 0x80, (2...5).contains(start[1]),
      file.load(UInt64.self, at: 0) > UInt64(Limits.safetensorsHeader)
    {
      // A pickle that declares its protocol; as the length of a safetensors header, the same bytes would be refused.
      self = .torchPickles
    } else {
      self = .safetensors
    }
  }
}
