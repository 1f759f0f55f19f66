public import FoundationEssentials
import Glibc

/// A model checkpoint: a folder with `config.json` and weights.
///
/// The weights are the first that exist of `model.safetensors`, `model.safetensors.index.json` with its shards,
/// `pytorch_model.bin` and `pytorch_model.bin.index.json` with its shards, the lookup order of `from_pretrained`; last
/// Microsoft's `pytorch.model.bin`.
///
/// Microsoft's first releases have no `config.json`: the configuration is the member `config` of the state, or
/// `model_config.json`, in this order.
public struct CheckpointFolder: Sendable {
  /// The folder's path.
  public let path: String
  /// The configuration's JSON. If it has no `model_type`, like Microsoft's, that of the tensors is added.
  public let configuration: Data
  /// The source of the configuration, for messages.
  public let configurationFile: String
  /// The tensors, from one file or several.
  public let weights: TensorFile

  /// The file names of weights, in lookup order.
  public static let weightNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    "pytorch.model.bin",
  ]

  /// The file names of a configuration, in lookup order.
  public static let configurationNames = ["config.json", "model_config.json"]

  /// The names of files that only checkpoint folders have.
  public static let marks = configurationNames + ["pytorch.model.bin"]

  /// The configuration of a folder and its source, even if the weights are missing or broken.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)``.
  public static func readConfiguration(_ path: String) throws(CheckpointError) -> (json: Data, file: String) {
    if let whole = try? CheckpointFolder(path: path) { return (whole.configuration, whole.configurationFile) }
    let name = configurationNames.first { access("\(path)/\($0)", F_OK) == 0 } ?? configurationNames[0]
    return (try AtomicFile.read("\(path)/\(name)"), "\(path)/\(name)")
  }

  /// Reads the configuration and opens the weights.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)`` without a
  ///   configuration, ``CheckpointError/noneFound(names:folder:)`` without
  ///   weights, and what ``TensorFile/init(path:singleTensor:)`` throws;
  ///   ``CheckpointError/shardIndex(_:file:)`` for an index that contradicts
  ///   its shards.
  public init(path: String) throws(CheckpointError) {
    self.path = path
    let ownFile = Self.configurationNames.first { access("\(path)/\($0)", F_OK) == 0 }.map { "\(path)/\($0)" }
    let name = Self.weightNames.first { access("\(path)/\($0)", F_OK) == 0 }
    // Without a state that may contain a configuration, the error is the missing file.
    guard ownFile != nil || name?.hasSuffix(".bin") == true else {
      throw .cannotRead(path: "\(path)/\(Self.configurationNames[0])", code: ENOENT)
    }
    // An unreadable configuration is refused before the weights are read.
    let own: Data? = if let ownFile { try AtomicFile.read(ownFile) } else { nil }
    guard let name else { throw .noneFound(names: Self.weightNames, folder: path) }
    weights =
      name.hasSuffix(".index.json")
      ? try readShards(listedIn: "\(path)/\(name)", folder: path)
      : try TensorFile(path: "\(path)/\(name)")
    let isOfTransformers = ownFile?.hasSuffix("/" + Self.configurationNames[0]) == true
    if !isOfTransformers, let held = weights.configuration {
      configurationFile = "'config' in \(path)/\(name)"
      configuration = try Self.named(Data(held.indented.utf8), file: configurationFile, by: weights)
      return
    }
    configurationFile = ownFile ?? "\(path)/\(Self.configurationNames[0])"
    guard let own else { throw .cannotRead(path: configurationFile, code: ENOENT) }
    configuration = try Self.named(own, file: configurationFile, by: weights)
  }

  /// The configuration, with the `model_type` of the tensors added if it has none and they are of v1.
  private static func named(
    _ json: Data, file: String, by weights: TensorFile
  ) throws(CheckpointError) -> Data {
    guard ModelFamily(ofTensors: weights.tensors.lazy.map(\.name)) == .v1,
      case .object(var members) = try JSONValue(json, file: file), members["model_type"] ?? .null == .null
    else { return json }
    members["model_type"] = .string(ModelFamily.v1.rawValue)
    return Data(JSONValue.object(members).indented.utf8)
  }
}
