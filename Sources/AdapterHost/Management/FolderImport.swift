public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Deberta
internal import Files
internal import Foundation
internal import Heads
public import Hub
internal import Tasks
internal import Tensors

extension FusionDescription {
  /// Reads a fusion's folder, checking every tensor.
  ///
  /// - Parameters:
  ///   - folder: a folder of the Python library; it may also contain a head.
  ///   - base: the base model.
  ///   - adapters: the fused adapters' names in the registry; nil: as saved.
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

  /// The default name of a fusion.
  public static func name(of adapters: [String]) -> String { adapters.joined(separator: "+") }
}

extension AdapterDescription {
  /// The file names of an adapter with its head; of alternatives, the one that is read.
  static func files(in folder: String) -> [String] { present(SavedAdapter.fileNames, in: folder) }
}

extension FusionDescription {
  /// The file names of a fusion with its head; of alternatives, the one that is read.
  static func files(in folder: String) -> [String] { present(SavedFusion.fileNames, in: folder) }
}

/// The existing files, including the recipe of the training run.
private func present(_ names: [[String]], in folder: String) -> [String] {
  // Recipes are not validated, so a link could import any file; links in a hub cache do not have recipes.
  let recipe = "\(folder)/\(TrainingRecipe.fileName)"
  let hasRecipe = (try? FileManager.default.destinationOfSymbolicLink(atPath: recipe)) == nil
  let others = [[SavedHead.configurationFile], SavedHead.weightFiles] + (hasRecipe ? [[TrainingRecipe.fileName]] : [])
  return (names + others).compactMap { names in
    names.first { FileSystem.exists("\(folder)/\($0)") }
  }
}

extension HeadDescription {
  /// The registry's record of a head, with its kind named as in `train --head`.
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

  /// The number of parameters of the encoder, without a head.
  public var encoderParameterCount: Int {
    get throws(ConfigurationError) {
      try EncoderLayout(shape).parameterCount
    }
  }
}

/// The result of an import.
public struct ImportedFolder: Sendable {
  /// The adapters, followed by the fusions that use them.
  public let items: [RegisteredItem]
  /// The setup saved with them, with its name.
  public let setup: (name: String, composition: Composition)?
}

extension Registry {
  /// Registers the contents of a folder: an adapter, a fusion of registered adapters, or a setup with its adapters and
  /// fusions.
  ///
  /// Either everything is registered or nothing.
  ///
  /// - Parameters:
  ///   - folder: a folder of the Python library.
  ///   - name: the name to register; nil: as saved, a fusion by its adapters, a setup by its folder.
  ///   - members: the names of a fusion's adapters in the registry; nil: as saved.
  ///   - labels: output names for an adapter's head without names; nil keeps them.
  ///   - model: the base model.
  ///   - force: whether to accept an adapter made for another base model of this shape.
  ///   - fetched: the address the folder was fetched from, if any.
  /// - Throws: `InspectionError`, `ImportError`, `RegistryError`; read errors, naming the file, tensor or key.
  public func importFolder(
    _ folder: String, as name: String? = nil, joining members: [String]? = nil, labels: [String]? = nil,
    of model: ModelRecord, force: Bool = false, fetched: FetchedFolder? = nil
  ) throws -> ImportedFolder {
    let parts = PartReader.kinds(in: folder)
    let isAdapter = parts.contains(.adapter) || parts.contains(.peftAdapter)
    if let labels, !isAdapter { throw LabelNamingError(labels: labels.count, heads: []) }
    if parts.contains(.setup), !parts.contains(.adapter) {
      return try importSetup(folder, as: name ?? fetched?.name, of: model, force: force)
    }
    if parts.contains(.fusion), !parts.contains(.adapter) {
      return ImportedFolder(
        items: [try importFusion(folder, as: name, joining: members, of: model, fetched)], setup: nil)
    }
    if members != nil { throw ImportError.noFusion(folder: folder) }
    // A folder of another kind is refused before anything is copied.
    try PartReader.require([.adapter, .peftAdapter], in: folder)
    let record = try importAdapter(folder: folder, as: name, of: model, labels: labels, force: force, fetched: fetched)
    return ImportedFolder(items: [RegisteredItem(record)], setup: nil)
  }

  private func importFusion(
    _ folder: String, as name: String?, joining members: [String]?, of model: ModelRecord,
    _ fetched: FetchedFolder? = nil
  ) throws -> RegisteredItem {
    let record = try importFusion(
      folder: folder, as: name, of: model.name, files: FusionDescription.files(in: folder)
    ) { copy in
      var description = try FusionDescription.readForImport(copy, for: model, joining: members)
      if let fetched { description.source = "\(fetched.address) (\(fetched.revision.prefix(7)))" }
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

/// Why a folder cannot be imported.
public enum ImportError: Error, Hashable, Sendable, CustomStringConvertible {
  case adapterCount(folder: String, expected: [String], found: [String])
  case noFusion(folder: String)
  /// The import of a setup failed, and some of its parts could not be unregistered.
  case notUndone(folder: String, reason: String, leftovers: [Leftover])

  /// A part that is still registered.
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
