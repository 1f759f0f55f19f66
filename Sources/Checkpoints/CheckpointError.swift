/// Why a checkpoint could not be read, used or written.
///
/// The cases carry the facts; ``description`` states what was expected, what was found and where, and the likely cause
/// if it is known.
///
/// ## Topics
/// ### Files
/// - ``cannotRead(path:code:)``
/// - ``cannotWrite(path:operation:code:)``
/// - ``notAFile(path:)``
/// - ``noneFound(names:folder:)``
/// - ``gitLFSPointer(path:)``
/// ### Tensors
/// - ``missingTensor(name:file:nearest:)``
/// - ``wrongShape(name:expected:found:file:)``
/// - ``wrongElementType(name:expected:found:file:)``
/// - ``badScale(name:index:value:file:)``
/// - ``unusedTensors(names:file:)``
/// - ``duplicateTensor(name:files:)``
/// - ``unknownElementType(tensor:type:file:)``
/// - ``notConvertible(tensor:type:file:)``
/// - ``overLimit(_:found:limit:file:)``
/// ### Formats
/// - ``json(_:file:)``
/// - ``safetensors(_:file:)``
/// - ``shardIndex(_:file:)``
/// - ``zip(_:file:)``
/// - ``pickle(_:file:)``
/// - ``torch(_:file:)``
public enum CheckpointError: Error, Hashable, Sendable {
  /// The system failed to open or map the file; `code` is `errno`.
  case cannotRead(path: String, code: Int32)
  /// The system failed a step of writing the file; `code` is `errno`.
  case cannotWrite(path: String, operation: String, code: Int32)
  /// The path is a folder or a device.
  case notAFile(path: String)
  /// None of the file names exists in the folder.
  case noneFound(names: [String], folder: String)
  /// The file is a Git LFS pointer instead of the real file.
  case gitLFSPointer(path: String)

  /// A required tensor is not in the file.
  case missingTensor(name: String, file: String, nearest: [String])
  /// A tensor does not have the required shape.
  case wrongShape(name: String, expected: [Int], found: [Int], file: String)
  /// A tensor of a quantized checkpoint does not have the element type that its configuration promises.
  case wrongElementType(name: String, expected: ElementType, found: ElementType, file: String)
  /// A scale of quantized weights that is not finite, or not above zero.
  case badScale(name: String, index: Int, value: String, file: String)
  /// Tensors unknown to the model, which would be lost.
  case unusedTensors(names: [String], file: String)
  /// Two tensors have the same name; `files` has one entry if both are in the same file.
  case duplicateTensor(name: String, files: [String])
  /// The file has an element type outside ``ElementType``.
  case unknownElementType(tensor: String, type: String, file: String)
  /// The element type cannot be converted to float.
  case notConvertible(tensor: String, type: ElementType, file: String)
  /// The file exceeds what any checkpoint needs.
  case overLimit(Quantity, found: Int, limit: Int, file: String)

  /// JSON text that is malformed or has an unexpected structure.
  case json(JSONFault, file: String)
  /// A broken safetensors file.
  case safetensors(SafetensorsFault, file: String)
  /// A shard index that contradicts its folder.
  case shardIndex(ShardIndexFault, file: String)
  /// A malformed or refused zip archive.
  case zip(ZipFault, file: String)
  /// A malformed or refused pickle.
  case pickle(PickleFault, file: String)
  /// An inconsistent PyTorch file.
  case torch(TorchFault, file: String)

  /// The quantity in ``CheckpointError/overLimit(_:found:limit:file:)``.
  public enum Quantity: String, Hashable, Sendable {
    case tensors = "tensors"
    case nameBytes = "bytes in a tensor name"
    case rank = "dimensions in a shape"
    case shards = "shards"
    case archiveBytes = "bytes in the archive"
    case metadata = "entries of metadata"
    case bytes = "bytes in the file"
    case jsonContainers = "lists and objects in the JSON"
    case jsonValues = "members and elements in the JSON"
    case zipEntries = "entries in the archive"
    case pickleBytes = "bytes of pickle"
    case pickleStack = "values on the pickle stack"
    case pickleMemo = "values in the pickle memo"
    case pickleText = "bytes in a pickle string"
    case pickleCopies = "elements that the pickle's calls copy"
    case pickleObjects = "lists, tuples and dicts in the pickle"
    case viewedBytes = "bytes in all tensors together"
    case repeatedElements = "elements in a view that repeats its storage"
  }
}
