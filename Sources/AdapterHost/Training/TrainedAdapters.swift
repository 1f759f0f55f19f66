internal import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Foundation
public import Training

/// Keeps what a run has trained: folders, and rows of the registry.
public enum TrainedAdapters {
  /// A trained adapter's folder.
  public struct Saved: Sendable, Hashable {
    public let name: String
    public let folder: String
    let metrics: String
    let source: String
  }

  /// Whether the adapters can be registered: the base model is known there, and the names are free.
  ///
  /// - Returns: false where there is no registry, or the base model is not in it.
  /// - Throws: `RegistryError.nameTaken`.
  public static func canRegister(
    _ names: [String], modelFolder: String, at location: RegistryLocation, overwrites: Bool
  ) throws -> Bool {
    guard let path = location.path, FileManager.default.fileExists(atPath: path) else { return false }
    let registry = try Registry.open(path: path, for: .reading)
    guard let model = try registry.model(in: modelFolder) else { return false }
    let taken = try Set(registry.adapters(of: model.name).map(\.name))
    for name in try names.map({ try ItemName($0, for: .adapter).text }) where !overwrites && taken.contains(name) {
      throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name)
    }
    return true
  }

  /// Saves each trained adapter with its head below `output`, and the base model where that was trained.
  ///
  /// - Throws: `CheckpointError`, if a file cannot be written; what is there stays.
  public static func save(
    _ job: TrainingJob, _ summary: TrainingSummary, _ tests: [EvaluationResult]?, modelFolder: String,
    to output: String
  ) throws -> [Saved] {
    let model = try job.trainedModel()
    var saved: [Saved] = []
    for name in job.trainedAdapters {
      let folder = "\(output)/\(name)"
      try NewFolder.replace(folder) { try model.saveAdapter(name, to: $0) }
      let index = job.heads.firstIndex(of: name)
      saved.append(
        Saved(
          name: name, folder: folder, metrics: metrics(summary, index.flatMap { tests?[$0] }).line,
          source: "trained on \(job.recipe.trainingData), \(summary.steps) steps, seed \(job.recipe.settings.seed)"))
    }
    for name in job.trainedFusions {
      try NewFolder.replace("\(output)/\(name)") { try model.saveAdapterFusion(name, to: $0) }
    }
    for name in job.heads where !job.trainedAdapters.contains(name) {
      try NewFolder.replace("\(output)/\(name)-head") { try model.saveHead(name, to: $0) }
    }
    if job.recipe.trainsBase {
      try TrainedCheckpoint.write(job.trainable.baseTensors, from: modelFolder, to: "\(output)/model")
    }
    return saved
  }

  /// Publishes saved adapters in the registry.
  ///
  /// - Throws: `RegistryError`; adapters before the one that failed are registered.
  public static func register(
    _ saved: [Saved], of modelFolder: String, at location: RegistryLocation, overwrites: Bool
  ) throws -> [AdapterRecord] {
    try Registry.edit(at: location) { registry in
      guard let model = try registry.model(in: modelFolder) else { return [] }
      return try saved.map { adapter in
        var description = try AdapterDescription.readForImport(adapter.folder, for: model).description
        description.metrics = adapter.metrics
        description.source = adapter.source
        description.baseDigest = model.digest
        let isTaken = try registry.adapters(of: model.name).contains { $0.name == adapter.name }
        if isTaken, overwrites { try registry.removeAdapter(adapter.name, of: model.name) }
        return try registry.importAdapter(
          folder: adapter.folder, as: adapter.name, of: model.name, describedBy: description)
      }
    }
  }

  private static func metrics(_ summary: TrainingSummary, _ test: EvaluationResult?) -> JSONValue {
    var members: [String: JSONValue] = ["seconds": .number((summary.seconds * 10).rounded() / 10)]
    members["dev"] = summary.best?.result.json
    members["test"] = test?.json
    return .object(members)
  }
}
