internal import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Foundation
public import Training

/// Saves and registers the results of a run.
public enum TrainedAdapters {
  /// The saved results of a run.
  public struct Saved: Sendable, Hashable {
    /// The folder of an adapter or a fusion.
    struct Part: Sendable, Hashable {
      let name: String
      let folder: String
      /// The adapters of a fusion; empty for an adapter.
      let joins: [String]
      let metrics: String
    }

    /// All folders, in order.
    public let folders: [String]
    let parts: [Part]
    /// The folder of the trained base model, if it was trained.
    let model: String?
    let source: String
  }

  /// Whether the result of a run can be registered: the registry and the folder of adapters are writable, the base
  /// model is registered, and the names are free.
  ///
  /// - Parameters:
  ///   - recipe: the recipe to be run.
  ///   - name: the adapter to train if the recipe has no setup.
  ///   - modelFolder: the base model's folder.
  ///   - output: the folder of the run, after which a trained base model is named.
  ///   - location: the registry.
  /// - Returns: false if there is no registry, or the base model is not registered.
  /// - Throws: `TrainingJobError.cannotRegister`.
  public static func canRegister(
    _ recipe: TrainingRecipe, adapter name: String, modelFolder: String, output: String, at location: RegistryLocation
  ) throws -> Bool {
    guard let path = location.path, FileManager.default.fileExists(atPath: path) else { return false }
    do {
      if recipe.trainsBase {
        try requireFree(model: modelName(output), at: path)
      } else {
        guard try requireFree(recipe, name, modelFolder: modelFolder, at: path) else { return false }
      }
      try Registry.requireWritable(path: path)
    } catch let error as RegistryError {
      throw TrainingJobError.cannotRegister(reason: error.description)
    }
    return true
  }

  private static func requireFree(model name: String, at path: String) throws {
    let name = try ItemName(name, for: .model).text
    let registry = try Registry.open(path: path, for: .reading)
    if try registry.models().contains(where: { $0.name == name }) {
      throw RegistryError.nameTaken(kind: .model, name: name, model: nil)
    }
  }

  private static func requireFree(
    _ recipe: TrainingRecipe, _ name: String, modelFolder: String, at path: String
  ) throws -> Bool {
    let names = try recipe.trainedAdapters(name).map { try ItemName($0, for: .adapter).text }
    let fusions = recipe.trainedFusions(name)
    for fusion in fusions { _ = try ItemName(fusion.name, for: .fusion) }
    let registry = try Registry.open(path: path, for: .reading)
    guard let model = try registry.model(in: modelFolder) else { return false }
    let taken = try Set(registry.adapters(of: model.name).map(\.name))
    for name in names where taken.contains(name) {
      guard recipe.overwrites else { throw RegistryError.nameTaken(kind: .adapter, name: name, model: model.name) }
      try registry.requireUnused(adapter: name, of: model.name)
    }
    for fusion in fusions {
      // The fused adapters must be registered, or will be.
      _ = try registry.adapters(named: fusion.adapters.filter { !names.contains($0) }, of: model.name)
      if taken.contains(fusion.name) {
        throw RegistryError.nameTaken(kind: .adapter, name: fusion.name, model: model.name)
      }
      let old = try registry.replaced(by: fusion.name, joining: fusion.adapters, of: model.name).first
      if let old, !recipe.overwrites {
        throw RegistryError.nameTaken(kind: .fusion, name: old.name, model: model.name)
      }
    }
    return true
  }

  /// The name of a base model trained into a folder.
  private static func modelName(_ output: String) -> String {
    URL(filePath: output).standardizedFileURL.lastPathComponent
  }

  // MARK: Folders

  /// The subfolder for trained word embeddings.
  private static let embeddings = "embeddings"

  /// The subfolders that ``save(_:_:_:modelFolder:to:)`` writes: adapters, fusions, heads, the base model.
  static func folders(_ job: TrainingJob) -> [String] {
    job.trainedAdapters + job.trainedFusions + headsAlone(job).map { "\($0)-head" }
      + (job.recipe.trainsEmbeddings ? [embeddings] : [])
      + (job.recipe.trainsBase ? ["model"] : [])
  }

  /// The head trained with a base model without adapters; it is saved with it.
  private static func baseHead(_ job: TrainingJob) -> String? {
    job.recipe.trainsBase && job.setup == nil ? job.heads.first : nil
  }

  /// The heads that are not saved with an adapter, a fusion or a base model.
  private static func headsAlone(_ job: TrainingJob) -> [String] {
    let ofFusions = Set(job.trainedFusions.compactMap(job.head(ofFusion:)))
    return job.heads.filter { !job.trainedAdapters.contains($0) && !ofFusions.contains($0) && $0 != baseHead(job) }
  }

  /// Checks that a new run overwrites nothing.
  ///
  /// - Throws: `WorkspaceError.folderInUse`.
  public static func requireFree(_ job: TrainingJob, in output: String) throws {
    for folder in folders(job) { try NewFolder.check("\(output)/\(folder)") }
  }

  /// Saves each trained adapter and fusion with its head below `output`, and the base model if it was trained; each
  /// folder includes the recipe.
  ///
  /// - Throws: `CheckpointError`, if a file cannot be written; files written before are kept.
  public static func save(
    _ job: TrainingJob, _ summary: TrainingSummary, _ tests: [EvaluationResult]?, modelFolder: String,
    to output: String
  ) throws -> Saved {
    let model = try job.trainedModel()
    func write(_ name: String, _ body: (String) throws -> Void) throws {
      try NewFolder.replace("\(output)/\(name)") { folder in
        try body(folder)
        try JSONValue.object(job.resolvedRecipe).write(to: "\(folder)/\(TrainingRecipe.fileName)")
      }
    }
    // A run only evaluates its first head; the others are evaluated here.
    let development = job.heads.count > 1 ? try job.evaluate() : summary.best.map { [$0.result] }
    var parts: [Saved.Part] = []
    func record(_ name: String, in folder: String, joins: [String] = []) {
      let index = job.heads.firstIndex(of: name)
      parts.append(
        Saved.Part(
          name: name, folder: "\(output)/\(folder)", joins: joins,
          metrics: metrics(summary, index.flatMap { development?[$0] }, index.flatMap { tests?[$0] }).line))
    }
    for name in job.trainedAdapters {
      try write(name) { try model.saveAdapter(name, to: $0, as: .both) }
      record(name, in: name)
    }
    for fusion in job.recipe.trainedFusions(job.heads[0]) {
      let name = AdapterFusion.name(of: fusion.adapters)
      try write(name) { try model.saveAdapterFusion(name, to: $0, as: .both) }
      record(fusion.name, in: name, joins: fusion.adapters)
    }
    for name in headsAlone(job) { try write("\(name)-head") { try model.saveHead(name, to: $0, as: .both) } }
    if job.recipe.trainsEmbeddings {
      try write(embeddings) {
        try model.saveEmbeddings(model.activeEmbeddings, to: $0, tokenizer: modelFolder)
      }
    }
    if job.recipe.trainsBase {
      try write("model") {
        try TrainedCheckpoint.write(
          job.trainable.baseTensors, head: baseHead(job), of: model, from: modelFolder, to: $0)
      }
    }
    return Saved(
      folders: folders(job).map { "\(output)/\($0)" }, parts: parts,
      model: job.recipe.trainsBase ? "\(output)/model" : nil,
      source: "trained on \(job.recipe.trainingData), \(summary.steps) steps, seed \(job.recipe.settings.seed)")
  }

  // MARK: The registry

  /// Publishes saved adapters and fusions in the registry; a trained base model is registered in place, and what was
  /// trained with it is registered for it.
  ///
  /// - Parameters:
  ///   - saved: the saved results of a run.
  ///   - modelFolder: the folder of the initial base model.
  ///   - output: the folder of the run, after which a trained base model is named.
  ///   - location: the registry.
  ///   - overwrites: whether to replace adapters with the same names.
  /// - Returns: the registered names.
  /// - Throws: `TrainingJobError.notRegistered`; items before the failing one are registered.
  public static func register(
    _ saved: Saved, of modelFolder: String, output: String, at location: RegistryLocation, overwrites: Bool
  ) throws -> [String] {
    do {
      return try Registry.edit(at: location) { registry in
        var names: [String] = []
        var model = try registry.model(in: modelFolder)
        if let folder = saved.model {
          let (description, files) = try ModelDescription.read(folder)
          let record = try registry.register(
            modelAt: folder, as: modelName(output), describedBy: description, files: files)
          names.append(record.name)
          model = record
        }
        guard let model else { return names }
        for part in saved.parts {
          let add = part.joins.isEmpty ? register(adapter:_:of:in:overwrites:) : register(fusion:_:of:in:overwrites:)
          names.append(try add(part, saved.source, model, registry, overwrites))
        }
        return names
      }
    } catch {
      throw TrainingJobError.notRegistered(folders: saved.folders, reason: "\(error)")
    }
  }

  private static func register(
    adapter: Saved.Part, _ source: String, of model: ModelRecord, in registry: Registry, overwrites: Bool
  ) throws -> String {
    let record = try registry.importAdapter(
      folder: adapter.folder, as: adapter.name, of: model.name, files: AdapterDescription.files(in: adapter.folder),
      replacing: overwrites
    ) { copy in
      var (name, description) = try AdapterDescription.readForImport(copy, for: model)
      description.metrics = adapter.metrics
      description.source = source
      description.baseDigest = model.digest
      return (name, description)
    }
    return record.name
  }

  private static func register(
    fusion: Saved.Part, _ source: String, of model: ModelRecord, in registry: Registry, overwrites: Bool
  ) throws -> String {
    let record = try registry.importFusion(
      folder: fusion.folder, as: fusion.name, of: model.name, files: FusionDescription.files(in: fusion.folder),
      replacing: overwrites
    ) { copy in
      var description = try FusionDescription.readForImport(copy, for: model, joining: fusion.joins)
      description.source = source
      return (fusion.name, description)
    }
    return record.name
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
