internal import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Foundation
public import Training

/// Keeps what a run has trained: folders, and rows of the registry.
public enum TrainedAdapters {
  /// The folder of a trained adapter or fusion.
  public struct Saved: Sendable, Hashable {
    public let name: String
    public let folder: String
    /// The adapters that a fusion joins; none for an adapter.
    let joins: [String]
    let metrics: String
    let source: String
  }

  /// Whether adapters and fusions can be registered: the base model is known there, and the names are free.
  ///
  /// - Returns: false where there is no registry, or the base model is not in it.
  /// - Throws: `RegistryError`: a name cannot be one, is taken, or what has it is in use and cannot be replaced.
  public static func canRegister(
    _ names: [String], fusions: [(name: String, adapters: [String])] = [], modelFolder: String,
    at location: RegistryLocation, overwrites: Bool
  ) throws -> Bool {
    let names = try names.map { try ItemName($0, for: .adapter).text }
    for fusion in fusions { _ = try ItemName(fusion.name, for: .fusion) }
    guard let path = location.path, FileManager.default.fileExists(atPath: path) else { return false }
    let registry = try Registry.open(path: path, for: .reading)
    guard let model = try registry.model(in: modelFolder) else { return false }
    try Registry.requireWritable(path: path)
    let taken = try Set(registry.adapters(of: model.name).map(\.name))
    for name in names where taken.contains(name) {
      guard overwrites else { throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name) }
      try registry.requireUnused(adapter: name, of: model.name)
    }
    for fusion in fusions {
      // What is joined has to be registered, or will be.
      _ = try registry.adapters(named: fusion.adapters.filter { !names.contains($0) }, of: model.name)
      if taken.contains(fusion.name) {
        throw RegistryError.nameTaken(kind: .adapter, name: fusion.name, model: model.name)
      }
      for old in try registry.replaced(by: fusion.name, joining: fusion.adapters, of: model.name) where !overwrites {
        throw RegistryError.nameTaken(kind: .fusion, name: old.name, model: model.name)
      }
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

  /// The heads that are saved with no adapter, no fusion and no base model.
  private static func headsAlone(_ job: TrainingJob) -> [String] {
    let ofFusions = Set(job.trainedFusions.compactMap(job.head(ofFusion:)))
    return job.heads.filter { !job.trainedAdapters.contains($0) && !ofFusions.contains($0) && $0 != baseHead(job) }
  }

  /// Sees to it that a new run writes over nothing.
  ///
  /// - Throws: `WorkspaceError.folderInUse`.
  public static func requireFree(_ job: TrainingJob, in output: String) throws {
    for folder in folders(job) { try NewFolder.check("\(output)/\(folder)") }
  }

  /// Saves each trained adapter and fusion with its head below `output`, and the base model where that was trained.
  ///
  /// - Returns: the adapters and fusions, and all folders.
  /// - Throws: `CheckpointError`, if a file cannot be written; what is there stays.
  public static func save(
    _ job: TrainingJob, _ summary: TrainingSummary, _ tests: [EvaluationResult]?, modelFolder: String,
    to output: String
  ) throws -> (adapters: [Saved], folders: [String]) {
    let model = try job.trainedModel()
    // A run looks at its first head alone; the others are judged here.
    let development = job.heads.count > 1 ? try job.judge() : summary.best.map { [$0.result] }
    var saved: [Saved] = []
    func record(_ name: String, _ folder: String, joins: [String] = [], head: String) {
      let index = job.heads.firstIndex(of: head)
      saved.append(
        Saved(
          name: name, folder: folder, joins: joins,
          metrics: metrics(summary, index.flatMap { development?[$0] }, index.flatMap { tests?[$0] }).line,
          source: "trained on \(job.recipe.trainingData), \(summary.steps) steps, seed \(job.recipe.settings.seed)"))
    }
    for name in job.trainedAdapters {
      let folder = "\(output)/\(name)"
      try NewFolder.replace(folder) { try model.saveAdapter(name, to: $0, as: .both) }
      record(name, folder, head: name)
    }
    for fusion in job.recipe.trainedFusions(job.heads[0]) {
      let name = AdapterFusion.name(of: fusion.adapters)
      let folder = "\(output)/\(name)"
      try NewFolder.replace(folder) { try model.saveAdapterFusion(name, to: $0, as: .both) }
      record(fusion.name, folder, joins: fusion.adapters, head: fusion.name)
    }
    for name in headsAlone(job) {
      try NewFolder.replace("\(output)/\(name)-head") { try model.saveHead(name, to: $0, as: .both) }
    }
    if job.recipe.trainsBase {
      try TrainedCheckpoint.write(
        job.trainable.baseTensors, head: baseHead(job), of: model, from: modelFolder, to: "\(output)/model")
    }
    return (saved, folders(job).map { "\(output)/\($0)" })
  }

  /// Publishes saved adapters and fusions in the registry.
  ///
  /// - Throws: `RegistryError`; what came before the one that failed is registered.
  public static func register(
    _ saved: [Saved], of modelFolder: String, at location: RegistryLocation, overwrites: Bool
  ) throws -> [RegisteredItem] {
    try Registry.edit(at: location) { registry in
      guard let model = try registry.model(in: modelFolder) else { return [] }
      return try saved.map { adapter in
        if !adapter.joins.isEmpty {
          return try register(fusion: adapter, in: registry, of: model, overwrites: overwrites)
        }
        let isTaken = try registry.adapters(of: model.name) { _ in }.contains { $0.name == adapter.name }
        if isTaken, overwrites { try registry.removeAdapter(adapter.name, of: model.name) }
        let files = AdapterDescription.files(in: adapter.folder)
        let record = try registry.importAdapter(
          folder: adapter.folder, as: adapter.name, of: model.name, files: files
        ) { copy in
          var (name, description) = try AdapterDescription.readForImport(copy, for: model)
          description.metrics = adapter.metrics
          description.source = adapter.source
          description.baseDigest = model.digest
          return (name, description)
        }
        return RegisteredItem(record)
      }
    }
  }

  private static func register(
    fusion: Saved, in registry: Registry, of model: ModelRecord, overwrites: Bool
  ) throws -> RegisteredItem {
    if overwrites {
      for old in try registry.replaced(by: fusion.name, joining: fusion.joins, of: model.name) {
        try registry.removeFusion(old.name, of: model.name)
      }
    }
    let files = FusionDescription.files(in: fusion.folder)
    let record = try registry.importFusion(
      folder: fusion.folder, as: fusion.name, of: model.name, files: files
    ) { copy in
      var description = try FusionDescription.readForImport(copy, for: model, joining: fusion.joins)
      description.source = fusion.source
      return (fusion.name, description)
    }
    return RegisteredItem(record, isActive: false)
  }

  // MARK: Metrics

  private static func metrics(
    _ summary: TrainingSummary, _ development: EvaluationResult?, _ test: EvaluationResult?
  ) -> JSONValue {
    var members: [String: JSONValue] = ["seconds": .number((summary.seconds * 10).rounded() / 10)]
    members["dev"] = development?.json
    members["test"] = test?.json
    return .object(members)
  }
}
