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
  /// - Throws: `RegistryError`: a name cannot be one, is taken, or its adapter is in use and cannot be replaced.
  public static func canRegister(
    _ names: [String], modelFolder: String, at location: RegistryLocation, overwrites: Bool
  ) throws -> Bool {
    let names = try names.map { try ItemName($0, for: .adapter).text }
    guard let path = location.path, FileManager.default.fileExists(atPath: path) else { return false }
    let registry = try Registry.open(path: path, for: .reading)
    guard let model = try registry.model(in: modelFolder) else { return false }
    let taken = try Set(registry.adapters(of: model.name).map(\.name))
    for name in names where taken.contains(name) {
      guard overwrites else { throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name) }
      try registry.requireUnused(adapter: name, of: model.name)
    }
    return true
  }

  /// The folders below the output that ``save(_:_:_:modelFolder:to:)`` writes: adapters, fusions, heads, the base model.
  static func folders(_ job: TrainingJob) -> [String] {
    job.trainedAdapters + job.trainedFusions + headsAlone(job).map { "\($0)-head" }
      + (job.recipe.trainsBase ? ["model"] : [])
  }

  /// The head of a base model that is trained alone; it is saved with it.
  private static func baseHead(_ job: TrainingJob) -> String? {
    job.recipe.trainsBase && job.setup == nil ? job.heads.first : nil
  }

  /// The heads that are saved with no adapter and no base model.
  private static func headsAlone(_ job: TrainingJob) -> [String] {
    job.heads.filter { !job.trainedAdapters.contains($0) && $0 != baseHead(job) }
  }

  /// Sees to it that a new run writes over nothing.
  ///
  /// - Throws: `WorkspaceError.folderInUse`.
  public static func requireFree(_ job: TrainingJob, in output: String) throws {
    for folder in folders(job) { try NewFolder.check("\(output)/\(folder)") }
  }

  /// Saves each trained adapter with its head below `output`, and the base model where that was trained.
  ///
  /// - Returns: the adapters, and all folders.
  /// - Throws: `CheckpointError`, if a file cannot be written; what is there stays.
  public static func save(
    _ job: TrainingJob, _ summary: TrainingSummary, _ tests: [EvaluationResult]?, modelFolder: String,
    to output: String
  ) throws -> (adapters: [Saved], folders: [String]) {
    let model = try job.trainedModel()
    // A run looks at its first head alone; the others are judged here.
    let development = job.heads.count > 1 ? try job.judge() : summary.best.map { [$0.result] }
    var saved: [Saved] = []
    for name in job.trainedAdapters {
      let folder = "\(output)/\(name)"
      try NewFolder.replace(folder) { try model.saveAdapter(name, to: $0) }
      let index = job.heads.firstIndex(of: name)
      saved.append(
        Saved(
          name: name, folder: folder,
          metrics: metrics(summary, index.flatMap { development?[$0] }, index.flatMap { tests?[$0] }).line,
          source: "trained on \(job.recipe.trainingData), \(summary.steps) steps, seed \(job.recipe.settings.seed)"))
    }
    for name in job.trainedFusions {
      try NewFolder.replace("\(output)/\(name)") { try model.saveAdapterFusion(name, to: $0) }
    }
    for name in headsAlone(job) {
      try NewFolder.replace("\(output)/\(name)-head") { try model.saveHead(name, to: $0) }
    }
    if job.recipe.trainsBase {
      try TrainedCheckpoint.write(
        job.trainable.baseTensors, head: baseHead(job), of: model, from: modelFolder, to: "\(output)/model")
    }
    return (saved, folders(job).map { "\(output)/\($0)" })
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

  private static func metrics(
    _ summary: TrainingSummary, _ development: EvaluationResult?, _ test: EvaluationResult?
  ) -> JSONValue {
    var members: [String: JSONValue] = ["seconds": .number((summary.seconds * 10).rounded() / 10)]
    members["dev"] = development?.json
    members["test"] = test?.json
    return .object(members)
  }
}
