public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Foundation
public import Tensors
public import Tokenization

/// What a caller says about the model, the adapters and the heads to work with. Whatever is nil or empty is found.
public struct WorkspaceRequest: Hashable, Sendable {
  /// A checkpoint's folder, or the name of a registered base model; nil is the default one.
  public var model: String?
  /// A registry's path; nil is the one that ``RegistryLocation`` finds.
  public var registry: String?
  /// Adapter folders by the names they shall have.
  public var adapters: [String: String]
  /// The text of a composition.
  public var setup: String?
  /// The heads that answer.
  public var heads: [String]?
  /// Whether a model that is named without a setup and without adapters has
  /// the active setup of its registration; if not, it is the base model alone.
  public var usesActiveSetup = true

  public init(
    model: String? = nil, registry: String? = nil, adapters: [String: String] = [:], setup: String? = nil,
    heads: [String]? = nil, usesActiveSetup: Bool = true
  ) {
    self.model = model
    self.registry = registry
    self.adapters = adapters
    self.setup = setup
    self.heads = heads
    self.usesActiveSetup = usesActiveSetup
  }
}

/// A base model, the adapters that can be named, the composition that acts and the heads that answer.
///
/// Concretely: without a model the registry's default one counts; without a
/// setup the adapters that are given (several of them in Parallel, so that
/// all their heads answer), or else the base model's active setup. An adapter
/// is looked for among those given, then among those registered for the base.
/// The registry is opened only if something is looked for in it.
public struct Workspace: Sendable {
  /// The folder of the base model.
  public let modelFolder: String
  /// The composition that acts; nil is the base model alone.
  public let setup: Composition?
  /// The heads that answer; nil: those named like the adapters.
  public let heads: [String]?
  /// The registry, if it was used.
  public let registry: Registry?
  private let location: RegistryLocation
  private let adapters: [String: String]
  /// The base model's name in the registry.
  private let modelName: String?

  /// - Throws: `WorkspaceError`, `RegistryError`, `CompositionError`, with the names of what is not there.
  public init(_ request: WorkspaceRequest, location given: RegistryLocation? = nil) throws {
    location = given ?? RegistryLocation(given: request.registry)
    adapters = request.adapters
    heads = request.heads
    let isFolder = request.model.map { FileManager.default.fileExists(atPath: $0) } ?? false
    let asked = try request.setup.map { text throws(CompositionError) in try Composition(text) }
    let named = asked.map { $0.adapters + (request.heads ?? []) } ?? []
    let wantsSetup = asked == nil && adapters.isEmpty && (request.model == nil || request.usesActiveSetup)
    let looksUp = wantsSetup || named.contains { $0 != "default" && request.adapters[$0] == nil }

    if let folder = request.model, isFolder {
      modelFolder = folder
      let isFound = location.path.map { FileManager.default.fileExists(atPath: $0) } ?? false
      registry = try looksUp && (isFound || request.registry != nil) ? Registry.open(at: location, for: .reading) : nil
      modelName = try registry?.model(in: folder)?.name
    } else {
      if let name = request.model, location.path == nil {
        throw WorkspaceError.noModel(name: name, registry: nil, nearest: [])
      }
      let registry = try Registry.open(at: location, for: .reading)
      let record = try registry.model(nameOrFolder: request.model)
      (modelFolder, modelName, self.registry) = (record.path, record.name, registry)
    }

    if let asked {
      setup = asked
    } else if !adapters.isEmpty {
      let names = adapters.keys.sorted().map { Composition.adapter($0) }
      setup = request.model != nil && !request.usesActiveSetup ? nil : names.count == 1 ? names[0] : .parallel(names)
    } else if wantsSetup, let modelName, let active = try registry?.activeSetup(of: modelName) {
      setup = try Composition(active.expression)
    } else {
      setup = nil
    }
  }

  // MARK: Loading

  /// The folder of an adapter.
  ///
  /// - Throws: `WorkspaceError.unknownAdapter`, with names that look like it.
  public func folder(ofAdapter name: String) throws -> String {
    if let folder = adapters[name] { return folder }
    var known = Array(adapters.keys)
    if let modelName, let registry = try registry ?? location.path.map({ try Registry.open(path: $0, for: .reading) }) {
      do throws(RegistryError) {
        return try registry.adapter(named: name, of: modelName).path
      } catch {
        guard case .unknown = error else { throw error }
        known += try registry.adapters(of: modelName).map(\.name)
      }
    }
    throw WorkspaceError.unknownAdapter(
      name: name, model: modelName ?? modelFolder, nearest: NearestNames.of(name, in: known.sorted(), limit: 2))
  }

  /// Loads the base model with the adapters of the setup and the heads that answer, and nothing else.
  ///
  /// - Throws: the errors of the library, which name file, tensor or key.
  public func loadModel(compute: Compute = Compute()) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: modelFolder, compute: compute)
    for name in setup?.adapters ?? [] { try loadAdapter(name, into: &model) }
    for name in heads ?? [] where model.head(name) == nil {
      guard let folder = try? folder(ofAdapter: name), SavedHead.exists(in: folder) else {
        throw model.unknown(head: name)
      }
      try model.loadHead(folder, as: name)
    }
    try model.setActiveAdapters(setup)
    model.activeHeads = heads
    return model
  }

  /// Loads one more adapter with its head, if the model lacks it.
  public func loadAdapter(_ name: String, into model: inout DebertaV2AdapterModel) throws {
    guard model.adapter(name) == nil else { return }
    try model.loadAdapter(folder(ofAdapter: name), as: name)
  }

  /// Loads the base model's tokenizer.
  public func loadTokenizer(_ variant: DebertaV2Tokenizer.Variant = .slow) throws(TokenizerError) -> DebertaV2Tokenizer
  {
    try DebertaV2Tokenizer(folder: modelFolder, variant: variant)
  }
}
