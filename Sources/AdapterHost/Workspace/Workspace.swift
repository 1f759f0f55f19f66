public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Files
internal import Foundation
internal import Heads
public import Tensors
public import Tokenization

/// A base model with the available adapters, the active composition and the answering heads.
///
/// The defaults: the registry's default model; as the setup, the given adapters (several of them in Parallel, so that
/// all their heads answer), or else the base model's active setup. An adapter, a fusion or a head is looked up first
/// among those given, then among those registered for the base. The registry is only opened for a lookup.
public struct Workspace: Sendable {
  /// The folder of the base model.
  public let modelFolder: String
  /// The active composition; nil is the base model only.
  public let setup: Composition?
  /// Whether the setup was requested, or follows from the given adapters; otherwise it is the registry's active one.
  let isSetupGiven: Bool
  /// The heads that answer; nil: those that follow the setup.
  public let heads: [String]?
  private let labels: [String]?
  private let leaveOut: [String: Set<Int>]
  private let skippedLayers: Set<Int>
  private let embeddings: NamedFolders
  private let activeEmbeddings: String?
  /// The registry, if it was used.
  public let registry: Registry?
  let location: RegistryLocation
  private let adapters, fusions, headFolders: NamedFolders
  private let note: @Sendable (String) -> Void
  /// The base model's name in the registry.
  public let modelName: String?

  /// - Parameters:
  ///   - request: the model, adapters and heads to use.
  ///   - given: the registry's location; nil: from the request.
  ///   - note: receives warnings about what is loaded.
  /// - Throws: `WorkspaceError`, `RegistryError`, `CompositionError`, naming what is missing.
  public init(
    _ request: WorkspaceRequest, location given: RegistryLocation? = nil,
    note: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    self.note = note
    var request = request
    location = given ?? RegistryLocation(given: request.registry)
    let asked = try request.composition()
    heads = request.heads
    (adapters, fusions, headFolders) = (request.adapters, request.fusions, request.headFolders)
    labels = request.labels
    (leaveOut, skippedLayers) = (request.leaveOut, request.skippedLayers)
    (embeddings, activeEmbeddings) = (request.embeddings, request.activeEmbeddings)
    let isFolder = request.model.map { FileManager.default.fileExists(atPath: $0) } ?? false
    let wantsSetup =
      asked == nil && adapters.isEmpty && !request.answersWithGivenHeads
      && (request.model == nil || request.usesActiveSetup)
    let looksUp = wantsSetup || request.leavesOpen(asked)

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

    isSetupGiven = asked != nil || !adapters.isEmpty
    if let asked {
      setup = try Self.saved(asked, unless: adapters, registry, modelName) ?? asked
    } else if !adapters.isEmpty {
      let names = adapters.names.map { Composition.adapter($0) }
      setup = request.model != nil && !request.usesActiveSetup ? nil : names.count == 1 ? names[0] : .parallel(names)
    } else if wantsSetup, let modelName, let active = try registry?.activeSetup(of: modelName) {
      setup = try Composition(active.expression)
    } else {
      setup = nil
    }
  }

  /// The saved setup with this name; nil if it is not a name, or an adapter with the name is given.
  private static func saved(
    _ composition: Composition, unless adapters: NamedFolders, _ registry: Registry?, _ model: String?
  ) throws -> Composition? {
    guard case .adapter(let name) = composition, adapters[name] == nil, let model,
      let saved = try registry?.setups(of: model).first(where: { $0.name == name })
    else { return nil }
    return try Composition(saved.expression)
  }

  /// The composition for a text: the setup with this name, or else the parsed text.
  ///
  /// - Throws: `CompositionError`, `RegistryError`.
  public func composition(_ text: String) throws -> Composition {
    let composition = try Composition(text)
    return try Self.saved(composition, unless: adapters, lookup()?.0, modelName) ?? composition
  }

  // MARK: Looking up

  /// The folder of an adapter.
  ///
  /// - Throws: `WorkspaceError.unknownAdapter`, with similar names.
  public func folder(ofAdapter name: String) throws -> String {
    if let folder = try folder(ofAdapterIfKnown: name) { return folder }
    let registered = try lookup().map { registry, model in try registry.adapters(of: model).map(\.name) } ?? []
    throw WorkspaceError.unknownAdapter(
      name: name, model: modelName ?? modelFolder,
      nearest: NearestNames.of(name, in: (adapters.names + registered).sorted(), limit: 2))
  }

  /// The folder of an adapter; nil if there is no adapter with this name.
  ///
  /// - Throws: `RegistryError`.
  public func folder(ofAdapterIfKnown name: String) throws -> String? {
    if let folder = adapters[name] { return try path(folder) }
    guard let (registry, model) = try lookup() else { return nil }
    do throws(RegistryError) { return try registry.adapter(named: name, of: model).path } catch {
      guard case .unknown(.adapter, _, _, _) = error else { throw error }
      return nil
    }
  }

  /// The weight file format of an adapter.
  public func weightFormat(ofAdapter name: String) throws -> WeightFormat {
    let folder = try folder(ofAdapter: name)
    return WeightFormat(found: [SavedAdapter.weightFiles, PeftFolder.weightFiles], in: folder)
  }

  /// The weight file format of a given head.
  public func weightFormat(ofHead name: String) throws -> WeightFormat {
    guard let folder = headFolders[name] else { return .safetensors }
    return WeightFormat(found: [SavedHead.weightFiles], in: try path(folder))
  }

  /// The path of a given folder; if it does not exist, that of the adapter or fusion with this name.
  private func path(_ folder: String) throws -> String {
    guard !FileManager.default.fileExists(atPath: folder), let (registry, model) = try lookup() else { return folder }
    do throws(RegistryError) { return try registry.item(named: folder, of: model).path } catch {
      // Reading the folder reports that it is missing.
      guard case .unknown = error else { throw error }
      return folder
    }
  }

  /// The registry and the base model's name in it, if both are there.
  func lookup() throws -> (Registry, model: String)? {
    guard let modelName,
      let registry = try registry ?? location.path.map({ try Registry.open(path: $0, for: .reading) })
    else { return nil }
    return (registry, modelName)
  }

  /// The result of `body` for the base model's registry; nil if it is not registered.
  func registered<Value>(_ body: (Registry, _ model: String) throws -> Value) throws -> Value? {
    try lookup().map { try body($0, $1) }
  }

  /// The given adapters, with their folders.
  var givenAdapters: [NamedFolders.Element] {
    get throws { try adapters.map { NamedFolders.Element(name: $0.name, folder: try path($0.folder)) } }
  }

  /// The registered fusion of the given adapters, in order; nil if there is none.
  public func fusion(of adapters: [String]) throws -> FusionRecord? {
    try registeredFusions().first { $0.adapters == adapters }
  }

  /// The registered fusions of the base model.
  private func registeredFusions() throws -> [FusionRecord] {
    try lookup().map { registry, model in try registry.fusions(of: model) } ?? []
  }

  // MARK: Loading

  /// Loads the base model with the given adapters, those of the setup with its fusions, and the answering heads, and
  /// nothing else.
  ///
  /// - Parameters:
  ///   - compute: the kernels and threads.
  ///   - others: inactive adapters to load, too.
  /// - Throws: load errors, naming the file, tensor or key.
  public func loadModel(
    compute: Compute = Compute(), besides others: [String] = []
  ) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: modelFolder, compute: compute)
    // A given folder takes precedence over an adapter of the same name in the checkpoint.
    for adapter in adapters { try loadAdapter(in: path(adapter.folder), as: adapter.name, into: &model) }
    for name in others { try loadAdapter(name, into: &model) }
    for fusion in fusions { try model.loadAdapterFusion(path(fusion.folder), as: fusion.name) }
    if let setup { try load(setup, into: &model) }
    for head in headFolders { try model.loadHead(path(head.folder), as: head.name) }
    for name in heads ?? [] where model.head(name) == nil { try loadHead(name, into: &model) }
    if let odd = leaveOut.keys.sorted().first(where: { model.adapter($0) == nil }) { throw model.unknown(adapter: odd) }
    try model.setActiveAdapters(setup, skippingLayers: skippedLayers)
    for table in embeddings { try model.loadEmbeddings(path(table.folder), as: table.name) }
    if let activeEmbeddings { try model.setActiveEmbeddings(activeEmbeddings) }
    model.activeHeads = heads
    for name in heads ?? [] where setup?.adapters.contains(name) != true && name != "default" {
      if try model.adapter(name) != nil || folder(ofAdapterIfKnown: name) != nil {
        note(
          "The head '\(name)' answers without the adapter '\(name)', which is not active; --setup \"\(name)\" makes it act."
        )
      }
    }
    if let labels { try model.nameLabels(labels) }
    return model
  }

  /// Loads the base model with the given parts, without adapters from the registry.
  ///
  /// - Throws: load errors, naming the file, tensor or key.
  func loadGiven(compute: Compute) throws -> DebertaV2AdapterModel {
    var model = try DebertaV2AdapterModel(folder: modelFolder, compute: compute)
    for adapter in try givenAdapters {
      try model.loadAdapter(
        adapter.folder, as: adapter.name, leaveOut: leaveOut[adapter.name] ?? [], overwrite: true)
    }
    for fusion in fusions { try model.loadAdapterFusion(path(fusion.folder), as: fusion.name) }
    for head in headFolders { try model.loadHead(path(head.folder), as: head.name) }
    for table in embeddings { try model.loadEmbeddings(path(table.folder), as: table.name) }
    if let activeEmbeddings { try model.setActiveEmbeddings(activeEmbeddings) }
    try model.setActiveAdapters(nil, skippingLayers: skippedLayers)
    if let labels { try model.nameLabels(labels) }
    return model
  }

  /// Loads the adapters and fusions of a composition that the model does not have, each with its head.
  ///
  /// - Throws: `WorkspaceError.unknownAdapter`, `WorkspaceError.unknownFusion`; load errors.
  public func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws {
    for name in composition.adapters { try loadAdapter(name, into: &model) }
    for fusion in composition.fusions {
      let (name, members) = (fusion.name, fusion.adapters)
      guard model.fusion(name) == nil else { continue }
      let registered = try registeredFusions()
      guard let record = registered.first(where: { $0.adapters == members }) else {
        throw WorkspaceError.unknownFusion(
          adapters: members, model: modelName ?? modelFolder, known: registered.map(\.adapters))
      }
      try model.loadAdapterFusion(record.path, as: name, headAs: record.name)
    }
  }

  /// Loads another adapter with its head, unless the model has it.
  public func loadAdapter(_ name: String, into model: inout DebertaV2AdapterModel) throws {
    guard model.adapter(name) == nil else { return }
    try loadAdapter(in: folder(ofAdapter: name), as: name, into: &model)
  }

  private func loadAdapter(in folder: String, as name: String, into model: inout DebertaV2AdapterModel) throws {
    try model.loadAdapter(folder, as: name, leaveOut: leaveOut[name] ?? [], overwrite: true)
    if let doubt = PeftBase(of: folder)?.doubt(about: modelFolder, called: modelName) { note(doubt) }
  }

  /// Loads the head of an adapter or of a registered fusion.
  private func loadHead(_ name: String, into model: inout DebertaV2AdapterModel) throws {
    guard let folder = try folder(ofHead: name) else { throw model.unknown(head: name) }
    try model.loadHead(folder, as: name)
  }

  /// The folder of a head: a given one, or that of the adapter or registered fusion with its name; nil if it has none.
  func folder(ofHead name: String) throws -> String? {
    if let folder = headFolders[name] { return try path(folder) }
    let folder = try folder(ofAdapterIfKnown: name) ?? registeredFusions().first { $0.name == name }?.path
    return folder.flatMap { SavedHead.exists(in: $0) ? $0 : nil }
  }

  /// The tokenizer's folder: that of the active embeddings, if they include one, else the base model's.
  private var tokenizerFolder: String {
    let active = activeEmbeddings ?? embeddings.names.last
    guard let folder = active.flatMap({ embeddings[$0] }) else { return modelFolder }
    let tokenizer = "\(folder)/\(SavedEmbeddings.tokenizer)"
    return FileSystem.kind(of: tokenizer) == .folder ? tokenizer : modelFolder
  }

  /// Loads the tokenizer.
  public func loadTokenizer(_ variant: TokenizerVariant = .slow) throws(TokenizerError) -> any Tokenizer {
    try AutoTokenizer.load(folder: tokenizerFolder, variant: variant)
  }
}

extension WorkspaceRequest {
  /// The requested composition, if any; adds a setup folder's parts to those given.
  fileprivate mutating func composition() throws -> Composition? {
    guard let setupFolder else { return try setup.map { text throws(CompositionError) in try Composition(text) } }
    let saved = try SavedSetup(folder: setupFolder)
    func add(_ names: [String], to folders: inout NamedFolders) {
      for name in names where folders[name] == nil { folders[name] = "\(setupFolder)/\(name)" }
    }
    add(saved.composition.adapters, to: &adapters)
    add(saved.composition.fusions.map(\.name), to: &fusions)
    let heads = saved.heads?.filter { !saved.composition.adapters.contains($0) }
    add(heads ?? [], to: &headFolders)
    self.heads = self.heads ?? saved.heads
    return saved.composition
  }

  /// Whether all requested heads are given: without an adapter and a setup they answer with the base model only.
  fileprivate var answersWithGivenHeads: Bool { heads?.allSatisfy { headFolders[$0] != nil } ?? false }

  /// Whether the composition or the heads include something that is not given.
  fileprivate func leavesOpen(_ composition: Composition?) -> Bool {
    heads?.contains { $0 != "default" && adapters[$0] == nil && headFolders[$0] == nil } ?? false
      || composition?.adapters.contains { adapters[$0] == nil } ?? false
      || composition?.fusions.contains { fusions[$0.name] == nil } ?? false
      || [adapters, fusions, headFolders].joined().contains { !FileManager.default.fileExists(atPath: $0.folder) }
  }
}
