public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Deberta
internal import Files
internal import Foundation
internal import Heads
internal import Tasks
internal import Tensors

extension FusionDescription {
  /// What the files of a fusion's folder say, after every one of its tensors was read and accounted for.
  ///
  /// - Parameters:
  ///   - folder: one that the Python library saved; it may hold a head, too.
  ///   - base: the base model.
  ///   - adapters: what the fused adapters are called in the registry; nil: as saved.
  /// - Throws: `InspectionError` for a folder without a fusion; `ConfigurationError`, `CheckpointError`.
  public static func readForImport(
    _ folder: String, for base: ModelRecord, joining adapters: [String]? = nil
  ) throws -> FusionDescription {
    try PartReader.require([.fusion], in: folder)
    try requireFiniteWeights(in: folder)
    let shape = try base.shape
    let fusion = try SavedFusion.read(folder, for: shape).fusion
    if let adapters, adapters.count != fusion.adapters.count {
      throw ImportError.adapterCount(
        folder: folder, expected: fusion.adapters, found: adapters)
    }
    let head =
      try SavedHead.exists(in: folder)
      ? SavedHead.read(
        folder, family: shape.family, hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps,
        Compute(threads: 1)
      ).head : nil
    return FusionDescription(
      adapters: adapters ?? fusion.adapters,
      configuration: String(
        decoding: try AtomicFile.read("\(folder)/\(SavedFusion.configurationFile)"), as: UTF8.self),
      parameterCount: fusion.parameters.count, head: head.map { HeadDescription($0.settings) })
  }

  /// The name of a fusion that was given none.
  public static func name(of adapters: [String]) -> String { adapters.joined(separator: "+") }
}

extension AdapterDescription {
  /// The names of the files that make an adapter with its head; of those that say the same, the one that is read.
  static func files(in folder: String) -> [String] { present(SavedAdapter.fileNames, in: folder) }
}

extension FusionDescription {
  /// The names of the files that make a fusion with its head, likewise.
  static func files(in folder: String) -> [String] { present(SavedFusion.fileNames, in: folder) }
}

/// The recipe of the run that made a part goes with it.
private func present(_ names: [[String]], in folder: String) -> [String] {
  // Nothing checks what a recipe says, so a link could bring any file along; those of a hub's cache have none.
  let recipe = "\(folder)/\(TrainingRecipe.fileName)"
  let hasRecipe = (try? FileManager.default.destinationOfSymbolicLink(atPath: recipe)) == nil
  let others = [[SavedHead.configurationFile], SavedHead.weightFiles] + (hasRecipe ? [[TrainingRecipe.fileName]] : [])
  return (names + others).compactMap { names in
    names.first { FileSystem.exists("\(folder)/\($0)") }
  }
}

extension HeadDescription {
  /// What the registry records of a head: its kind by the name that `train --head` has for it.
  init(_ settings: HeadSettings) {
    self.init(kind: (try? TrainingTask(settings))?.rawValue ?? settings.kind.rawValue, labels: settings.labels)
  }
}

extension ModelRecord {
  /// The shape of the encoder.
  var shape: DebertaV2Configuration {
    get throws(ConfigurationError) {
      try DebertaV2Configuration(json: Data(configuration.utf8), file: path + "/config.json")
    }
  }

  /// The parameters of the encoder alone: those of heads that the checkpoint carries do not count.
  public var encoderParameterCount: Int {
    get throws(ConfigurationError) {
      try EncoderLayout(shape).parameterCount
    }
  }
}

/// What an import has registered.
public struct ImportedFolder: Sendable {
  /// The adapters, and after them the fusions that join them.
  public let items: [RegisteredItem]
  /// The setup that was saved with them, by its name.
  public let setup: (name: String, composition: Composition)?
}

extension Registry {
  /// Registers what a folder holds: an adapter, a fusion of registered adapters, or a setup with its adapters and
  /// fusions. All of it is registered, or nothing.
  ///
  /// - Parameters:
  ///   - folder: one that the Python library saved.
  ///   - name: what to call it; nil: as saved, a fusion after its adapters, a setup after its folder.
  ///   - members: what the adapters of a fusion are called here; nil: as saved.
  ///   - labels: the names of the outputs of an adapter's head that has none; nil leaves them.
  ///   - model: the base model.
  ///   - force: takes an adapter that was made for another base model of this shape.
  /// - Throws: `InspectionError`, `ImportError`, `RegistryError`; the errors of reading, which name file, tensor or key.
  public func importFolder(
    _ folder: String, as name: String? = nil, joining members: [String]? = nil, labels: [String]? = nil,
    of model: ModelRecord, force: Bool = false
  ) throws -> ImportedFolder {
    let parts = PartReader.kinds(in: folder)
    let isAdapter = parts.contains(.adapter) || parts.contains(.peftAdapter)
    if let labels, !isAdapter { throw LabelNamingError(labels: labels.count, heads: []) }
    if parts.contains(.setup), !parts.contains(.adapter) {
      return try importSetup(folder, as: name, of: model, force: force)
    }
    if parts.contains(.fusion), !parts.contains(.adapter) {
      return ImportedFolder(items: [try importFusion(folder, as: name, joining: members, of: model)], setup: nil)
    }
    if members != nil { throw ImportError.noFusion(folder: folder) }
    // A folder of something else is refused before anything is copied.
    try PartReader.require([.adapter, .peftAdapter], in: folder)
    let record = try importAdapter(folder: folder, as: name, of: model, labels: labels, force: force)
    return ImportedFolder(items: [RegisteredItem(record)], setup: nil)
  }

  private func importFusion(
    _ folder: String, as name: String?, joining members: [String]?, of model: ModelRecord
  ) throws -> RegisteredItem {
    let record = try importFusion(
      folder: folder, as: name, of: model.name, files: FusionDescription.files(in: folder)
    ) { copy in
      let description = try FusionDescription.readForImport(copy, for: model, joining: members)
      return (FusionDescription.name(of: description.adapters), description)
    }
    return RegisteredItem(record, isActive: false)
  }

  private func importSetup(
    _ folder: String, as name: String?, of model: ModelRecord, force: Bool
  ) throws -> ImportedFolder {
    let saved = try SavedSetup(folder: folder)
    let name = name ?? URL(filePath: folder).standardizedFileURL.lastPathComponent
    try requireFree(setup: name, of: model.name)
    var items: [RegisteredItem] = []
    do {
      for adapter in saved.composition.adapters {
        items += try importFolder("\(folder)/\(adapter)", as: adapter, of: model, force: force).items
      }
      for members in saved.composition.fusedAdapters {
        let path = "\(folder)/\(AdapterFusion.name(of: members))"
        items.append(try importFusion(path, as: nil, joining: members, of: model))
      }
      try saveSetup(name, saved.composition, of: model.name, replacing: false)
      return ImportedFolder(items: items, setup: (name, saved.composition))
    } catch {
      let leftovers = items.reversed().compactMap { item in
        do throws(RegistryError) {
          try remove(item)
          return nil as ImportError.Leftover?
        } catch { return ImportError.Leftover(name: item.name, reason: error) }
      }
      guard leftovers.isEmpty else {
        throw ImportError.notUndone(folder: folder, reason: "\(error)", leftovers: leftovers)
      }
      throw error
    }
  }
}

/// Why a folder is not registered as it was requested.
public enum ImportError: Error, Hashable, Sendable, CustomStringConvertible {
  case adapterCount(folder: String, expected: [String], found: [String])
  case noFusion(folder: String)
  /// The import of a setup failed, and some of what it had registered could not be removed again.
  case notUndone(folder: String, reason: String, leftovers: [Leftover])

  /// Something that stays registered.
  public struct Leftover: Hashable, Sendable {
    public let name: String
    /// Why it could not be removed.
    public let reason: RegistryError
  }

  public var description: String {
    switch self {
    case .adapterCount(let folder, let expected, let found):
      "The fusion in '\(folder)' joins \(expected.count) adapters (\(expected.joined(separator: ", "))); "
        + "\(found.count) names are given for them (\(found.joined(separator: ", ")))."
    case .noFusion(let folder): "The folder '\(folder)' holds no fusion, so that no adapters can be named for it."
    case .notUndone(let folder, let reason, let leftovers):
      "The setup in '\(folder)' was not registered: \(reason) What it had registered could not all be removed again: "
        + leftovers.map { "'\($0.name)' stays. \($0.reason)" }.joined(separator: " ")
    }
  }
}
