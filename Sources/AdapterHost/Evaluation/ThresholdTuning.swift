internal import AdapterRegistry
internal import Checkpoints
internal import Files
internal import Heads

extension Workspace {
  /// For each label of multi-label heads, stores the threshold with the best F1 on the examples in the head's folder,
  /// and updates the registry.
  ///
  /// - Parameter heads: evaluated heads; those of other kinds are unchanged.
  /// - Returns: the heads with the new thresholds, and the folders that were changed.
  /// - Throws: `ThresholdStorageError`, if there is no multi-label head, or one has no folder of its own;
  ///   `RegistryError`, `CheckpointError`.
  public func tuneThresholds(of heads: [EvaluatedHead]) throws -> (heads: [EvaluatedHead], folders: [String]) {
    let tuned = heads.map { ($0, $0.report(Resampling(count: 0)).bestThresholds) }
    guard tuned.contains(where: { $0.1 != nil }) else { throw ThresholdStorageError.noLabels(heads: heads.map(\.head)) }
    var folders: [String] = []
    for case (let head, let thresholds?) in tuned {
      folders.append(try store(zip(head.outcomes.labels, thresholds), ofHead: head.name))
    }
    return (tuned.map { head, thresholds in thresholds.map { head.deciding(at: $0) } ?? head }, folders)
  }

  private func store(_ thresholds: some Sequence<(String, Float)>, ofHead name: String) throws -> String {
    guard let folder = try folder(ofHead: name) else { throw ThresholdStorageError.noFolder(head: name) }
    let path = folder + "/" + SavedHead.configurationFile
    var members = try ConfigurationFields(path: path).members
    let values = thresholds.map { ($0, JSONValue.number(Double("\($1)") ?? Double($1))) }
    members["thresholds"] = .object(Dictionary(values) { first, _ in first })
    try JSONValue.object(members).write(to: path)
    try acceptChanges(in: folder)
    return folder
  }

  /// Updates the registry's record of an adapter's or fusion's folder; ignores other folders.
  private func acceptChanges(in folder: String) throws {
    guard let (registry, model) = try lookup() else { return }
    func isSame(_ path: String) -> Bool { FilePaths.absolute(path) == FilePaths.absolute(folder) }
    let adapter = try registry.adapters(of: model).first { isSame($0.path) }
    let fusion = try registry.fusions(of: model).first { isSame($0.path) }
    guard let name = adapter?.name ?? fusion?.name else { return }
    try Registry.edit(at: location) { registry in
      let base = try registry.model(named: model)
      try registry.acceptChanges(of: adapter == nil ? .fusion : .adapter, named: name, in: model) { folder in
        try AdapterDescription.readForImport(folder, for: base).description
      }
    }
  }
}

/// Why thresholds cannot be stored.
public enum ThresholdStorageError: Error, Hashable, Sendable, CustomStringConvertible {
  case noFolder(head: String)
  case noLabels(heads: [String])

  public var description: String {
    switch self {
    case .noFolder(let head):
      "The head '\(head)' has no folder of its own in which thresholds can be stored: it is a part of the checkpoint. Give "
        + "its folder with --head, or an adapter that has it."
    case .noLabels(let heads):
      "Thresholds are for heads that decide each label by itself (multi-label); found "
        + "\(heads.map { "'\($0)'" }.joined(separator: ", "))."
    }
  }
}
