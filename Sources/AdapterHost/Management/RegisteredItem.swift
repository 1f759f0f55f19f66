public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Files
public import Foundation

/// An adapter or a fusion in the registry.
///
/// They share one namespace.
public struct RegisteredItem: Hashable, Sendable {
  public enum Record: Hashable, Sendable {
    case adapter(AdapterRecord)
    case fusion(FusionRecord)
  }

  public let record: Record
  public let name: String
  /// The base model that it belongs to.
  public let model: String
  /// The preset's name for an adapter; ``fusionMethod`` for a fusion.
  public let method: String
  public let head: HeadDescription?
  /// The adapters of a fusion, in order; empty for an adapter.
  public let joins: [String]
  /// The absolute path of its folder.
  public let path: String
  public let parameterCount: Int
  public let byteCount: Int
  public let tags: [String]
  /// Whether the active setup uses it.
  public let isActive: Bool
  /// When it was registered.
  public let created: Date

  /// The value of ``method`` for fusions.
  public static let fusionMethod = "fusion"

  public init(_ record: AdapterRecord) {
    self.record = .adapter(record)
    (name, model, method, head, joins) = (record.name, record.model, record.method, record.head, [])
    (path, parameterCount, byteCount) = (record.path, record.parameterCount, record.byteCount)
    (tags, isActive, created) = (record.tags, record.isActive, record.created)
  }

  public init(_ record: FusionRecord, isActive: Bool) {
    self.record = .fusion(record)
    (name, model, method) = (record.name, record.model, Self.fusionMethod)
    (head, joins) = (record.head, record.adapters)
    (path, parameterCount, byteCount) = (record.path, record.parameterCount, record.byteCount)
    (tags, created) = ([], record.created)
    self.isActive = isActive
  }

  /// The composition of this item only.
  public var composition: Composition {
    joins.isEmpty ? .adapter(name) : .fuse(joins.map { .adapter($0) })
  }
}

extension Registry {
  /// The adapters and fusions of a base model, by name.
  ///
  /// `faults` is called for each row that cannot be read, and the others are returned; without it the first such row
  /// throws.
  public func items(
    of model: String, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [RegisteredItem] {
    let active = try activeFusions(of: model)
    let fusions = try fusions(of: model, faults: faults)
      .map { RegisteredItem($0, isActive: active.contains($0.adapters)) }
    let adapters = try adapters(of: model, faults: faults).map { RegisteredItem($0) }
    return fusions.isEmpty ? adapters : (adapters + fusions).sorted { $0.name < $1.name }
  }

  /// The adapter or fusion with this name.
  ///
  /// - Throws: `RegistryError.unknown`, with similar names.
  public func item(named name: String, of model: String) throws(RegistryError) -> RegisteredItem {
    let fusions = try fusions(of: model) { _ in }
    if let fusion = fusions.first(where: { $0.name == name }) {
      return RegisteredItem(fusion, isActive: try activeFusions(of: model).contains(fusion.adapters))
    }
    do {
      return RegisteredItem(try adapter(named: name, of: model))
    } catch {
      guard case .unknown(let kind, let name, let model, let nearest) = error, nearest.isEmpty else { throw error }
      throw .unknown(
        kind: kind, name: name, model: model, nearest: NearestNames.of(name, in: fusions.map(\.name), limit: 2))
    }
  }

  /// The files of an adapter or fusion with their digests, by name.
  public func files(of item: RegisteredItem) throws(RegistryError) -> [FileRecord] {
    switch item.record {
    case .adapter(let record): try files(of: record)
    case .fusion(let record): try files(of: record)
    }
  }

  /// The adapters of each fusion that the active setup uses.
  private func activeFusions(of model: String) throws(RegistryError) -> Set<[String]> {
    // A setup that cannot be read uses nothing; displaying it reports the error.
    let setup = (try? activeSetup(of: model)).flatMap { try? Composition($0.expression) }
    return Set(setup?.fusedAdapters ?? [])
  }
}
