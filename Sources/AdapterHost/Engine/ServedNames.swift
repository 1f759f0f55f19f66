public import AdapterMethods
public import AdapterRegistry
internal import Files
internal import Foundation
internal import Synchronization

/// The adapters that a name refers to, with a digest.
public struct ServedSetup: Sendable, Hashable {
  /// The name or the composition, as given; for the active setup its composition, for the base its name.
  public let name: String
  /// Nil is the base model only.
  public let composition: Composition?
  /// The SHA-256 of what answers: for an adapter that of its files; for a composition that of its text and its
  /// adapters' digests.
  public let digest: String
}

/// A served adapter, fusion, saved setup or base model.
public struct ServedItem: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable, Codable { case base, adapter, fusion, setup }

  public let kind: Kind
  public let name: String
  /// An adapter's method.
  public let method: String?
  public let head: HeadDescription?
  /// The folder; for a setup its composition.
  public let root: String
  public let digest: String?
  public let parameterCount: Int?
  /// Recorded metrics, a JSON object.
  public let metrics: String?
  public let isActive: Bool
  /// Seconds since 1970.
  public let created: Int
}

/// The names that requests may use: the base model, the adapters given at the start, those loaded while serving, and
/// the current contents of the registry.
///
/// The registry is reread when its file has changed or been replaced.
final class ServedNames: AdapterSource {
  /// An adapter folder without a row in the registry.
  private struct Given: Sendable {
    let folder: String
    let digest: String
    let created = Int(Date().timeIntervalSince1970)
  }

  /// The contents of the registry.
  private struct Registered: Sendable {
    var adapters: [String: AdapterRecord] = [:]
    var fusions: [String: FusionRecord] = [:]
    var setups: [String: SetupRecord] = [:]
    var active: String?
  }

  /// Detects writes to the registry.
  private struct Stamp: Equatable {
    let file, log: FileStamp?

    init(_ path: String) { (file, log) = (FileStamp(of: path), FileStamp(of: path + "-wal")) }
  }

  let workspace: Workspace
  /// The name of the base model.
  let base: String
  private let baseDigest: String
  private let registryPath: String?
  private let given: [String: Given]
  /// The fusions loaded at the start.
  private let givenFusions: Set<String>
  private let loaded = Mutex<[String: Given]>([:])
  private let known: Mutex<(stamp: Stamp, registered: Registered)?>

  /// - Parameter workspace: provides the given adapters and the registry.
  /// - Throws: `RegistryError`.
  init(_ workspace: Workspace, model: DebertaV2AdapterModel) throws {
    self.workspace = workspace
    base = workspace.modelName ?? model.name
    let record = try workspace.registered { registry, name in try registry.model(named: name) }
    baseDigest = try record?.digest.text ?? FolderContents(of: workspace.modelFolder).digest.text
    registryPath = try workspace.registered { registry, _ in registry.path }
    var given: [String: Given] = [:]
    for adapter in try workspace.givenAdapters {
      given[adapter.name] = Given(
        folder: adapter.folder, digest: try FolderContents(of: adapter.folder).digest.text)
    }
    self.given = given
    givenFusions = Set(model.fusionNames)
    known = Mutex(nil)
  }

  // MARK: What a name stands for

  /// The setup for a name or a composition; nil is the active one.
  ///
  /// - Throws: `ServiceError.unknown`; `CompositionError` for an invalid text; `RegistryError`.
  func setup(_ name: String?) throws -> ServedSetup {
    let registered = try registered()
    guard let name else {
      if let own = workspace.setup, workspace.isSetupGiven { return try setup(own, named: "\(own)", registered) }
      return try registered.active.map { try setup(Composition($0), named: $0, registered) } ?? baseSetup
    }
    if isAdapter(name, registered) { return try setup(.adapter(name), named: name, registered) }
    if name == base { return baseSetup }
    if let fusion = registered.fusions[name] {
      return try setup(.fuse(fusion.adapters.map { .adapter($0) }), named: name, registered)
    }
    if let saved = registered.setups[name] { return try setup(Composition(saved.expression), named: name, registered) }
    guard name.contains("(") else { throw unknown(name, registered) }
    let composition = try Composition(name)
    return try setup(composition, named: "\(composition)", registered)
  }

  private var baseSetup: ServedSetup { ServedSetup(name: base, composition: nil, digest: baseDigest) }

  private func setup(_ composition: Composition, named name: String, _ registered: Registered) throws -> ServedSetup {
    for adapter in composition.adapters where !isAdapter(adapter, registered) { throw unknown(adapter, registered) }
    if case .adapter(let adapter) = composition {
      return ServedSetup(name: name, composition: composition, digest: try digest(ofAdapter: adapter))
    }
    let fusions = composition.fusions.filter { !givenFusions.contains($0.name) }
    let digests = try composition.adapters.map { try digest(ofAdapter: $0) } + fusions.map { try digest(of: $0) }
    let text = (["\(composition)"] + digests).joined(separator: "\n")
    return ServedSetup(name: name, composition: composition, digest: ContentDigest(of: text.utf8).text)
  }

  private func isAdapter(_ name: String, _ registered: Registered) -> Bool {
    loaded.withLock { $0[name] != nil } || given[name] != nil || registered.adapters[name] != nil
  }

  private func unknown(_ name: String, _ registered: Registered) -> ServiceError {
    let names =
      [base] + given.keys + loaded.withLock { Array($0.keys) } + registered.adapters.keys + registered.fusions.keys
      + registered.setups.keys
    return .unknown(name: name, nearest: NearestNames.of(name, in: names.sorted(), limit: 2))
  }

  /// All served items, the base first, by name.
  func items() throws -> [ServedItem] {
    let registered = try registered()
    func item(_ name: String, _ given: Given) -> ServedItem {
      ServedItem(
        kind: .adapter, name: name, method: nil, head: nil, root: given.folder, digest: given.digest,
        parameterCount: nil, metrics: nil, isActive: false, created: given.created)
    }
    let own = given.merging(loaded.withLock { $0 }) { $1 }
    let adapters = registered.adapters.values.filter { own[$0.name] == nil }.map { record in
      ServedItem(
        kind: .adapter, name: record.name, method: record.method, head: record.head, root: record.path,
        digest: record.digest.text, parameterCount: record.parameterCount, metrics: record.metrics,
        isActive: record.isActive, created: Int(record.created.timeIntervalSince1970))
    }
    let fusions = registered.fusions.values.map { record in
      ServedItem(
        kind: .fusion, name: record.name, method: "fusion", head: record.head, root: record.path,
        digest: record.digest.text, parameterCount: record.parameterCount, metrics: nil, isActive: false,
        created: Int(record.created.timeIntervalSince1970))
    }
    let setups = registered.setups.values.map { record in
      ServedItem(
        kind: .setup, name: record.name, method: nil, head: nil, root: record.expression, digest: nil,
        parameterCount: nil, metrics: nil, isActive: false, created: Int(record.created.timeIntervalSince1970))
    }
    let first = ServedItem(
      kind: .base, name: base, method: nil, head: nil, root: workspace.modelFolder, digest: baseDigest,
      parameterCount: nil, metrics: nil, isActive: false, created: 0)
    return [first] + (own.map { item($0.key, $0.value) } + adapters + fusions + setups).sorted { $0.name < $1.name }
  }

  /// Reads the registry if it has changed.
  private func registered() throws -> Registered {
    guard let registryPath else { return Registered() }
    let stamp = Stamp(registryPath)
    if let known = known.withLock({ $0?.stamp == stamp ? $0?.registered : nil }) { return known }
    let registry = try Registry.open(path: registryPath, for: .reading)
    let model = workspace.modelName
    // A row that cannot be read is skipped; the others are served.
    let ignore: (RegistryError) -> Void = { _ in }
    let read = Registered(
      adapters: Self.byName(try registry.adapters(of: model, faults: ignore), \.name),
      fusions: Self.byName(try registry.fusions(of: model, faults: ignore), \.name),
      setups: Self.byName(try registry.setups(of: model, faults: ignore), \.name),
      active: try registry.activeSetup(of: model)?.expression)
    known.withLock { $0 = (stamp, read) }
    return read
  }

  private static func byName<Record>(_ records: [Record], _ name: (Record) -> String) -> [String: Record] {
    Dictionary(records.map { (name($0), $0) }) { first, _ in first }
  }

  // MARK: Loading

  func digest(ofAdapter name: String) throws -> String {
    if let digest = loaded.withLock({ $0[name]?.digest }) ?? given[name]?.digest { return digest }
    let registered = try registered()
    guard let record = registered.adapters[name] else { throw unknown(name, registered) }
    return record.digest.text
  }

  func digest(of fusion: Composition.NamedFusion) throws -> String {
    let registered = try registered()
    guard let record = registered.fusions.values.first(where: { $0.adapters == fusion.adapters }) else {
      throw unknown(fusion.name, registered)
    }
    return record.digest.text
  }

  func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws {
    for name in composition.adapters where model.adapter(name) == nil {
      if let folder = loaded.withLock({ $0[name]?.folder }) { try model.loadAdapter(folder, as: name) }
    }
    try workspace.load(composition, into: &model)
  }

  /// Adds a name for a folder until the process ends.
  ///
  /// - Throws: `ServiceError.isThere` if the name is taken; `RegistryError` for an unreadable folder.
  func add(_ name: String, folder: String, replacing: Bool) throws {
    let isTaken = try name == base || given[name] != nil || registered().adapters[name] != nil
    if isTaken { throw ServiceError.isThere(name: name, isPermanent: true) }
    let entry = Given(folder: folder, digest: try FolderContents(of: folder).digest.text)
    try loaded.withLock { loaded in
      if loaded[name] != nil, !replacing { throw ServiceError.isThere(name: name, isPermanent: false) }
      loaded[name] = entry
    }
  }

  /// Removes a name that was added.
  ///
  /// - Throws: `ServiceError.unknown`; `ServiceError.isThere` for a name from the registry or the command line.
  func remove(_ name: String) throws {
    if loaded.withLock({ $0.removeValue(forKey: name) }) != nil { return }
    let registered = try registered()
    if name == base || isAdapter(name, registered) { throw ServiceError.isThere(name: name, isPermanent: true) }
    throw unknown(name, registered)
  }
}
