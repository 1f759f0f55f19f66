public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Tensors

extension Adapter {
  /// The method's common name: `lora`, `ia3`, `compacter++`.
  public var methodName: String { method.name }
}

extension AdapterDescription {
  /// Reads an adapter's folder, checking every tensor.
  ///
  /// - Returns: the adapter's saved name, and its description.
  /// - Throws: `ConfigurationError` or `CheckpointError`; also if it was made for a base of a different shape.
  public static func read(
    _ folder: String, for base: ModelRecord
  ) throws -> (name: String, description: AdapterDescription) {
    let shape = try DebertaV2Configuration(json: Data(base.configuration.utf8), file: base.path + "/config.json")
    let (name, adapter) = try SavedAdapter.read(folder, for: shape)
    let head = try HeadReader(Inspection.Base(base)).head(besideAdapterIn: folder)?.settings
    let description = AdapterDescription(
      method: adapter.methodName,
      configuration: try JSONValue.registryText(
        AtomicFile.read(folder + "/" + SavedAdapter.configurationFile), file: folder),
      parameterCount: adapter.parameters.count,
      head: head.map { HeadDescription($0) })
    return (name, description)
  }
}

extension ModelDescription {
  /// The file name suffixes that are part of a base model: others, such as its model card, are ignored.
  private static let endings = [".json", ".safetensors", ".bin", ".model", "merges.txt"]

  /// Reads a base model's folder, checking its tensors.
  ///
  /// - Returns: the description, and the names of the model's files.
  /// - Throws: `InspectionError` for a folder without a checkpoint; `ConfigurationError`, `CheckpointError` or
  ///   `TokenizerError`.
  public static func read(_ folder: String) throws -> (description: ModelDescription, files: [String]) {
    try PartReader.require([.checkpoint], in: folder)
    _ = try DebertaV2AdapterModel(folder: folder, compute: Compute(threads: 1))
    _ = try AutoTokenizer.load(folder: folder)
    let checkpoint = try CheckpointFolder(path: folder)
    let description = ModelDescription(
      configuration: try JSONValue.registryText(checkpoint.configuration, file: folder),
      parameterCount: checkpoint.weights.tensors.reduce(0) { $0 + $1.elementCount })
    return (description, try files(in: folder))
  }

  /// The names of the model's files in its folder.
  static func files(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { name in
      !name.hasPrefix(".") && endings.contains { name.hasSuffix($0) }
    }
  }
}

extension JSONValue {
  /// A file's text as stored in the registry: strict JSON, with null for numbers that are not finite.
  fileprivate static func registryText(_ bytes: Data, file: String) throws(CheckpointError) -> String {
    let value = try JSONValue(bytes, file: file)
    return value.isFinite ? String(decoding: bytes, as: UTF8.self) : value.line
  }
}

extension DebertaV2AdapterModel {
  /// Saves an adapter, with the head of its name, to a new or empty folder.
  ///
  /// The folder is written completely or not at all, whatever happens.
  ///
  /// - Throws: `WorkspaceError.folderInUse`, `ModelError`, `CheckpointError`.
  public func export(
    _ name: String, to folder: String, as format: WeightFormat = .both, withHead: Bool = true
  ) throws {
    try NewFolder.write(folder) { try saveAdapter(name, to: $0, withHead: withHead, as: format) }
  }

  /// Saves a head in the same way.
  public func export(headNamed name: String, to folder: String, as format: WeightFormat = .both) throws {
    try NewFolder.write(folder) { try saveHead(name, to: $0, as: format) }
  }

  /// Saves the fusion of the given adapters, in order, with the head that follows it, in the same way.
  public func export(fusionOf adapters: [String], to folder: String, as format: WeightFormat = .both) throws {
    try NewFolder.write(folder) { try saveAdapterFusion(AdapterFusion.name(of: adapters), to: $0, as: format) }
  }
}
