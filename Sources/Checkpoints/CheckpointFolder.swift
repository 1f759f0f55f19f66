public import FoundationEssentials
import Glibc

/// A published model: a folder with `config.json` and weights.
///
/// The weights are the first there is of `model.safetensors`,
/// `model.safetensors.index.json` with its shards, `pytorch_model.bin` and
/// `pytorch_model.bin.index.json` with its shards, the order in which
/// `from_pretrained` looks for them.
public struct CheckpointFolder: Sendable {
  /// The folder.
  public let path: String
  /// The bytes of `config.json`.
  public let configuration: Data
  /// The tensors, from one file or several.
  public let weights: TensorFile

  /// The file names of weights, in the order in which they are looked for.
  public static let weightNames = [
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
  ]

  /// Reads the configuration and opens the weights.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)`` without a
  ///   `config.json`, ``CheckpointError/noneFound(names:folder:)`` without
  ///   weights, and what ``TensorFile/init(path:)`` throws;
  ///   ``CheckpointError/shardIndex(_:file:)`` for an index that contradicts
  ///   its shards.
  public init(path: String) throws(CheckpointError) {
    self.path = path
    configuration = try AtomicFile.read("\(path)/config.json")

    guard let name = Self.weightNames.first(where: { access("\(path)/\($0)", F_OK) == 0 }) else {
      throw .noneFound(names: Self.weightNames, folder: path)
    }
    weights =
      name.hasSuffix(".index.json")
      ? try readShards(listedIn: "\(path)/\(name)", folder: path)
      : try TensorFile(path: "\(path)/\(name)")
  }
}
