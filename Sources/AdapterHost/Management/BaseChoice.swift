public import AdapterRegistry
internal import Checkpoints
internal import Foundation

extension Inspection.Base {
  /// The base model for checking adapters: the named one, else the registry's default; nil if there is no registry or
  /// no default.
  ///
  /// - Parameters:
  ///   - name: a checkpoint's folder, or a registered name.
  ///   - location: the registry.
  /// - Throws: `WorkspaceError.noModel`, `RegistryError`, `CheckpointError`.
  public init?(request name: String?, location: RegistryLocation) throws {
    if let name, FileManager.default.fileExists(atPath: name) {
      try self.init(folder: name)
      return
    }
    guard let path = location.path, name != nil || FileManager.default.fileExists(atPath: path) else {
      if let name { throw WorkspaceError.noModel(name: name, registry: nil, nearest: []) }
      return nil
    }
    let registry = try Registry.open(path: path, for: .reading)
    if name == nil, try registry.defaultModel() == nil { return nil }
    self.init(try registry.model(nameOrFolder: name))
  }
}

extension AdapterRecord {
  /// Whether the adapter was made for this base model; nil if its base is unknown.
  public func isMade(for model: ModelRecord) -> Bool? { baseDigest.map { $0 == model.digest } }
}
