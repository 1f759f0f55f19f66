/// Why a checkpoint could not be read, used or written.
///
/// The cases carry the facts; ``description`` says what was expected, what was
/// found and where, and names the likely cause where one is known.
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
  /// The system refused to open or map the file; `code` is `errno`.
  case cannotRead(path: String, code: Int32)
  /// The system refused a step of writing the file; `code` is `errno`.
  case cannotWrite(path: String, operation: String, code: Int32)
  /// The path names a folder or a device.
  case notAFile(path: String)
  /// None of the file names exists in the folder.
  case noneFound(names: [String], folder: String)
  /// The file is the text by which Git LFS stands in for the real one.
  case gitLFSPointer(path: String)

  /// A tensor that the model needs is not in the file.
  case missingTensor(name: String, file: String, nearest: [String])
  /// A tensor does not have the shape that the model needs.
  case wrongShape(name: String, expected: [Int], found: [Int], file: String)
  /// Tensors that the model does not know, so that something would be lost.
  case unusedTensors(names: [String], file: String)
  /// One name stands for two tensors; `files` has one entry if both are in it.
  case duplicateTensor(name: String, files: [String])
  /// The file names an element type outside ``ElementType``.
  case unknownElementType(tensor: String, type: String, file: String)
  /// The element type has no meaning as a float.
  case notConvertible(tensor: String, type: ElementType, file: String)
  /// The file asks for more than any checkpoint needs.
  case overLimit(Quantity, found: Int, limit: Int, file: String)

  /// A JSON text that is broken or of another shape than expected.
  case json(JSONFault, file: String)
  /// A broken safetensors file.
  case safetensors(SafetensorsFault, file: String)
  /// A shard index that contradicts its folder.
  case shardIndex(ShardIndexFault, file: String)
  /// A broken or unwelcome zip archive.
  case zip(ZipFault, file: String)
  /// A broken or unwelcome pickle.
  case pickle(PickleFault, file: String)
  /// A PyTorch file that contradicts itself.
  case torch(TorchFault, file: String)

  /// What ``CheckpointError/overLimit(_:found:limit:file:)`` counts.
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
